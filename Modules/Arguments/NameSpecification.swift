/// Under which names an option or a flag can be written; an array literal gives several.
package struct NameSpecification: Sendable, ExpressibleByArrayLiteral {
    package enum Element: Sendable {
        /// `--` and the property's name in kebab case.
        case long
        /// `-` and the first letter of the property's name.
        case short
        case customLong(String)
        case customShort(Character)
    }

    private let elements: [Element]

    package init(arrayLiteral elements: Element...) {
        self.elements = elements
    }

    package static var long: Self { [.long] }
    package static var short: Self { [.short] }
    package static var shortAndLong: Self { [.short, .long] }
    package static func customLong(_ name: String) -> Self { [.customLong(name)] }
    package static func customShort(_ letter: Character) -> Self { [.customShort(letter)] }

    /// The names for a property, short ones first.
    func names(property: String) -> [OptionName] {
        let names = elements.compactMap { element -> OptionName? in
            switch element {
            case .long: .long(kebabCase(property))
            case .short: property.first.map { .short(Character($0.lowercased())) }
            case .customLong(let name): .long(name)
            case .customShort(let letter): .short(letter)
            }
        }
        return names.filter(\.isShort) + names.filter { !$0.isShort }
    }
}

/// One name of an option, described as it is typed.
enum OptionName: Hashable, Sendable, CustomStringConvertible {
    case short(Character)
    case long(String)

    var description: String {
        switch self {
        case .short(let letter): "-\(letter)"
        case .long(let name): "--\(name)"
        }
    }

    /// The name without its dashes.
    var bare: String {
        switch self {
        case .short(let letter): String(letter)
        case .long(let name): name
        }
    }

    var isShort: Bool {
        if case .short = self { true } else { false }
    }
}

/// `cacheDir` → `cache-dir`, `useURLNow` → `use-url-now`.
func kebabCase(_ name: String) -> String {
    let letters = Array(name)
    var result = ""
    for (index, letter) in letters.enumerated() {
        if letter.isUppercase, index > 0 {
            let afterWord = !letters[index - 1].isUppercase
            let beforeWord = index + 1 < letters.count && letters[index + 1].isLowercase
            if afterWord || beforeWord { result += "-" }
        }
        result += letter == "_" ? "-" : letter.lowercased()
    }
    return result
}
