"""The capacity planner: from users and traffic to shards, tiers, servers and the settings of all of them."""
