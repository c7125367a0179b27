print("musicfs-media")
