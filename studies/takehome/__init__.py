"""What a reader takes home: code of a pick, and the run as Optuna studies."""

FRAMEWORKS = ("dlopt", "torch", "optax", "sklearn", "json")  # for which there is code
