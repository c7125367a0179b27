#include "CTOML.h"

namespace {
/// toml++ 3.3 asserts what a wrong text can break: `[=` ends a debug build and is undefined in a release.
struct BrokenAssertion {};
}  // namespace

// NDEBUG would make assumptions for the optimiser of the assertions.
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? static_cast<void>(0) : throw BrokenAssertion())
// Without exceptions the parser is noexcept, and an assertion could not leave it. None leaves this file.
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_UNRELEASED_FEATURES 0
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

static_assert(TOML_MAX_NESTED_VALUES == CTOML_MAX_DEPTH, "one limit for both");

struct ctoml_document {
    toml::table root;
    std::vector<ctoml_node> nodes;
    std::string error;
    uint32_t line = 1;
    uint32_t column = 1;
};

namespace {

struct Position {
    uint32_t line = 1;
    uint32_t column = 1;
};

/// Whether a key has more parts than CTOML_MAX_DEPTH, and where.
///
/// toml++ 3.3 makes a table of each part of a dotted key without a limit, and frees them recursively: half a million
/// dots would overflow the stack. Strings and comments are skipped as TOML lexes them.
bool has_deep_key(std::string_view text, Position &found) {
    Position here;
    size_t dots = 0;
    for (size_t i = 0; i < text.size(); i++) {
        char c = text[i];
        if (c == '"' || c == '\'') {
            bool is_long = i + 2 < text.size() && text[i + 1] == c && text[i + 2] == c;
            size_t quotes = is_long ? 3 : 1;
            i += quotes;
            here.column += quotes;
            size_t closing = 0;
            for (; i < text.size(); i++, here.column++) {
                if (text[i] == '\n') {
                    if (!is_long) break;
                    here.line++;
                    here.column = 0;
                }
                closing = text[i] == c ? closing + 1 : 0;
                if (c == '"' && text[i] == '\\') {
                    i++;
                    here.column++;
                    if (i < text.size() && text[i] == '\n') here.line++, here.column = 0;
                    continue;
                }
                if (closing != quotes) continue;
                // Up to two quotes may stand before the closing three.
                for (int more = 0; is_long && more < 2 && i + 1 < text.size() && text[i + 1] == c; more++)
                    i++, here.column++;
                break;
            }
            if (i >= text.size()) return false;
            c = text[i];
        } else if (c == '#') {
            while (i + 1 < text.size() && text[i + 1] != '\n') i++, here.column++;
        }
        if (c == '\n') {
            here.line++;
            here.column = 0;
        }
        if (c == '.') {
            if (++dots >= CTOML_MAX_DEPTH) {
                found = here;
                return true;
            }
        } else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') {
            dots = 0;
        }
        here.column++;
    }
    return false;
}

Position position_of(const toml::source_region &region) {
    // Implicit tables have no place of their own.
    if (!region.begin) return {};
    return {static_cast<uint32_t>(region.begin.line), static_cast<uint32_t>(region.begin.column)};
}

class Flattener {
public:
    explicit Flattener(ctoml_document &document) : document(document) {}

    bool add(const toml::node &value, std::string_view key, Position position, size_t depth) {
        if (depth > CTOML_MAX_DEPTH) {
            document.error = "tables are nested too deeply";
            document.line = position.line;
            document.column = position.column;
            return false;
        }
        size_t index = document.nodes.size();
        ctoml_node node = {};
        node.line = position.line;
        node.column = position.column;
        node.key = key.data();
        node.key_size = key.size();
        node.kind = CTOML_DATE_TIME;
        if (auto *string = value.as_string()) {
            node.kind = CTOML_STRING;
            node.text = string->get().data();
            node.text_size = string->get().size();
        } else if (auto *integer = value.as_integer()) {
            node.kind = CTOML_INTEGER;
            node.integer = integer->get();
        } else if (auto *real = value.as_floating_point()) {
            node.kind = CTOML_FLOAT;
            node.real = real->get();
        } else if (auto *boolean = value.as_boolean()) {
            node.kind = CTOML_BOOLEAN;
            node.boolean = boolean->get();
        } else if (value.is_table()) {
            node.kind = CTOML_TABLE;
        } else if (value.is_array()) {
            node.kind = CTOML_ARRAY;
        }
        document.nodes.push_back(node);
        if (auto *table = value.as_table()) {
            for (auto &&[name, child] : *table) {
                if (!add(child, name.str(), position_of(name.source()), depth + 1)) return false;
            }
        } else if (auto *array = value.as_array()) {
            for (auto &&child : *array) {
                if (!add(child, {}, position_of(child.source()), depth + 1)) return false;
            }
        }
        document.nodes[index].end = document.nodes.size();
        return true;
    }

private:
    ctoml_document &document;
};

bool breaks_assertion(std::string_view text) {
    try {
        static_cast<void>(toml::parse(text));
    } catch (const BrokenAssertion &) {
        return true;
    } catch (const toml::parse_error &) {
    }
    return false;
}

/// The number of lines in the shortest beginning that breaks an assertion, which does not say where it was.
uint32_t line_of_broken_assertion(std::string_view text) {
    std::vector<size_t> ends;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\n') ends.push_back(i + 1);
    }
    auto first = std::partition_point(ends.begin(), ends.end(), [text](size_t end) {
        return !breaks_assertion(text.substr(0, end));
    });
    return static_cast<uint32_t>(first - ends.begin()) + 1;
}

void fill(ctoml_document &document, std::string_view text) {
    if (text.size() > CTOML_MAX_SIZE) {
        document.error = "the text is longer than 1 MiB";
        return;
    }
    Position deep;
    if (has_deep_key(text, deep)) {
        document.error = "the key has too many parts";
        document.line = deep.line;
        document.column = deep.column;
        return;
    }
    try {
        document.root = toml::parse(text);
    } catch (const toml::parse_error &error) {
        document.error = std::string(error.description());
        Position position = position_of(error.source());
        document.line = position.line;
        document.column = position.column;
        return;
    } catch (const BrokenAssertion &) {
        document.error = "this is not valid TOML";
        document.line = line_of_broken_assertion(text);
        return;
    }
    if (!Flattener(document).add(document.root, {}, {}, 0)) document.nodes.clear();
}

}  // namespace

ctoml_document *ctoml_parse(const char *text, size_t size) {
    try {
        auto document = std::make_unique<ctoml_document>();
        fill(*document, std::string_view(text, size));
        return document.release();
    } catch (...) {
        return nullptr;
    }
}

const char *ctoml_error(const ctoml_document *document, uint32_t *line, uint32_t *column) {
    *line = document->line;
    *column = document->column;
    return document->error.empty() ? nullptr : document->error.c_str();
}

const ctoml_node *ctoml_nodes(const ctoml_document *document, size_t *count) {
    *count = document->nodes.size();
    return document->nodes.data();
}

void ctoml_free(ctoml_document *document) { delete document; }
