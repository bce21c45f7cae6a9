"""People's decisions about tasks: previewing, making and undoing them."""
