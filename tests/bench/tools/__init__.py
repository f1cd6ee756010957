"""What runs in the containers around a stack; imports nothing but this package and the standard library."""
