"""Files that the tests of the configuration read."""

FIVE_LINES = """\
app = "l9-api"

[targets.production]
host = "deploy@l9.example.com"
public_url = "https://l9.example.com"
"""

TWO = """\
app = "shop"

[health]
path = "/healthz"
deadline = 40

[[smoke]]
path = "/a"

[targets.production]
host = "one.example.com"

[targets.staging]
host = "two.example.com"
path = "/opt/shop-staging"
ports = { blue = 9000, green = 9001 }
smoke = []

[targets.staging.health]
deadline = 5

[targets.staging.bake]
seconds = 0
"""
