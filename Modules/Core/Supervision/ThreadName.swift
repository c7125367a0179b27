extension String {
    /// The beginning, in whole characters, that fits a thread's name: 15 bytes (pthread_setname_np(3)).
    var threadName: String {
        var result = self
        while result.utf8.count > 15 { result.removeLast() }
        return result
    }
}
