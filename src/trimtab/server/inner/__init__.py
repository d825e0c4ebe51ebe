"""What guards, judges, experiments and knowledge reach in this server: models by the live path, services, vectors."""
