"""What the scenarios of tests/attack are made of: a sandbox, a gateway, frontgate, honest clients, and peers that are not."""
