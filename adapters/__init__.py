"""One folder a technology. Each implements ports, knows no domain and no other adapter."""
