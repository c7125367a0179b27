import MusicFSSQLite
import MusicFSSystem

/// A collection that somebody made.
package struct StoredCollection: Hashable, Sendable {
    /// Unique.
    package var name: String
    /// JSON, of which this store knows nothing.
    package var definition: String
    /// Nanoseconds since the epoch, like the following.
    package var created: Int64
    package var updated: Int64

    package init(name: String, definition: String, created: Int64, updated: Int64) {
        self.name = name
        self.definition = definition
        self.created = created
        self.updated = updated
    }
}

/// Collections.
extension Curation {
    /// By name, in the order of their bytes.
    package func collections() throws(CacheError) -> [StoredCollection] {
        try using("read the collections") { database in
            guard try CurationFile.hasCollections(database) else { return [] }
            let statement = try database.prepare(
                "SELECT name, definition, created, updated FROM collections ORDER BY name")
            var collections: [StoredCollection] = []
            while try statement.step() { collections.append(Self.collection(statement)) }
            return collections
        }
    }

    /// nil where there is none of that name.
    package func collection(named name: String) throws(CacheError) -> StoredCollection? {
        try using("look up a collection") { database in
            guard try CurationFile.hasCollections(database) else { return nil }
            return try Self.find(name, database)
        }
    }

    /// Stores a collection under a name.
    ///
    /// - Parameter replaces: whether one that has the name gets the definition; else that is left as it is.
    /// - Returns: the one that has the name now.
    package func setCollection(
        _ name: String, definition: String, replaces: Bool
    ) throws(CacheError) -> (collection: StoredCollection, isSet: Bool) {
        try using("change a collection", isWrite: true) { database in
            try database.transaction {
                try CurationFile.migrate(database)
                let known = try Self.find(name, database)
                if let known, !replaces { return (known, false) }
                let now = wallClockNanoseconds()
                let collection = StoredCollection(
                    name: name, definition: definition, created: known?.created ?? now, updated: now)
                let statement = try database.prepare("INSERT OR REPLACE INTO collections VALUES(?, ?, ?, ?)")
                statement.bind(1, collection.name)
                statement.bind(2, collection.definition)
                statement.bind(3, collection.created)
                statement.bind(4, collection.updated)
                try statement.run()
                return (collection, true)
            }
        }
    }

    /// - Returns: the one that had the name; nil where there was none.
    package func removeCollection(named name: String) throws(CacheError) -> StoredCollection? {
        try using("remove a collection", isWrite: true) { database in
            guard try CurationFile.hasCollections(database), let known = try Self.find(name, database) else {
                return nil
            }
            let statement = try database.prepare("DELETE FROM collections WHERE name = ?")
            statement.bind(1, name)
            try statement.run()
            return known
        }
    }

    private static func find(_ name: String, _ database: Database) throws(SQLiteError) -> StoredCollection? {
        let statement = try database.prepare(
            "SELECT name, definition, created, updated FROM collections WHERE name = ?")
        statement.bind(1, name)
        return try statement.step() ? collection(statement) : nil
    }

    private static func collection(_ statement: Statement) -> StoredCollection {
        StoredCollection(
            name: statement.text(0), definition: statement.text(1), created: statement.integer(2),
            updated: statement.integer(3))
    }
}
