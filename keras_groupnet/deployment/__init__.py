"""What a layer becomes when it is deployed, told from the model alone, on any backend."""
