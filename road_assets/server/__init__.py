"""The platform on servers of their own, as Compose and a cluster run it: what is done once, before and beside them."""
