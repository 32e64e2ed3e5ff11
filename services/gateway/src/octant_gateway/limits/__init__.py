"""What clients may not do: send too much, too often, too slowly; and who they are."""
