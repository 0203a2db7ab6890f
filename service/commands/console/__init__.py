"""What commands share on the console (命令行共用): options, opened service, tables, errors in two languages."""
