"""What a type checker must refuse, with the code of its error. See tests/test_typing.py."""

from dlopt import Adam, Exponential, train

Adam(lr="fast")  # arg-type
Adam(0.1)  # arg-type, call-arg
Adam(momentum=0.9)  # call-arg
Adam(schedule=0.9)  # arg-type
Exponential(gamma="slow")  # arg-type
train()  # call-overload
