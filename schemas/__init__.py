"""Contracts: pandera schemas for every table, pydantic records for what travels between stages."""
