print("musicfs-libgen")
