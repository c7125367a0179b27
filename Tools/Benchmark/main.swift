print("musicfs-bench")
