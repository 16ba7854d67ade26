print("floors: to be written")
