"""The generated clients, used as people use them, against a running gateway."""
