print("musicfs")
