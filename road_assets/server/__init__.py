"""What a platform under Compose or Kubernetes needs besides its services: secrets, roles, a first load, restore."""
