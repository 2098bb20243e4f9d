"""What maintains the course; nothing here is taught."""
