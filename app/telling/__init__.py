"""What of the hourly figures is worth telling a person: jumps of rates and costs, tasks gone quiet, slots that begin or cease to vary."""
