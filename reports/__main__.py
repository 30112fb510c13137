"""python -m reports."""

import os
import sys

if __name__ == "__main__":
    try:
        from reports.entry import enter

        sys.exit(enter(sys.argv[1:]))
    except KeyboardInterrupt:  # so early that nothing listens yet, and there is nothing to lose
        os._exit(130)
