# SPDX-License-Identifier: BSL-1.0
"""What scripts/bench is made of: taking samples, and telling of them."""
