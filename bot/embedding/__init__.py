"""What turns texts into vectors: an API, or a model that comes with its package."""
