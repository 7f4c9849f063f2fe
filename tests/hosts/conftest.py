from hosts.fixtures import base_images, host, network

__all__ = ["base_images", "host", "network"]
