"""Where series come from: samples, made-up worlds, files of yours, Yahoo, Open-Meteo."""
