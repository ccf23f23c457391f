"""What `python -m app` can do, one module per group of commands. None imports anything slow before it runs."""
