"""What every CRM has to do, run over every provider of the registry against its sandbox. A new one gets all of it."""
