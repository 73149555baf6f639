"""What people read and type: strings that are safe to print, tables, times, beginnings of ids."""
