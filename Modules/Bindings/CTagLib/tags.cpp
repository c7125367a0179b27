#include "report.h"

#include <algorithm>
#include <iterator>

#include <taglib/asffile.h>
#include <taglib/mp4file.h>
#include <taglib/tpropertymap.h>

using namespace TagLib;

namespace ctaglib {
namespace {

void append(std::string &result, uint32_t scalar) {
    if (scalar < 0x80) {
        result += char(scalar);
    } else if (scalar < 0x800) {
        result += {char(0xc0 | scalar >> 6), char(0x80 | (scalar & 0x3f))};
    } else if (scalar < 0x10000) {
        result += {char(0xe0 | scalar >> 12), char(0x80 | (scalar >> 6 & 0x3f)), char(0x80 | (scalar & 0x3f))};
    } else {
        result += {char(0xf0 | scalar >> 18), char(0x80 | (scalar >> 12 & 0x3f)), char(0x80 | (scalar >> 6 & 0x3f)),
            char(0x80 | (scalar & 0x3f))};
    }
}

class Collector {
  public:
    // NUL separates values (ID3v2.4, section 4.2), and some writers do the same elsewhere.
    void add(const std::string &key, const String &value) {
        std::string text = utf8(value);
        for (size_t start = 0; start <= text.size();) {
            size_t end = std::min(text.find('\0', start), text.size());
            if (end > start)
                tags.push_back({key, text.substr(start, end - start)});
            start = end + 1;
        }
    }

    std::vector<Tag> tags;
};

// Items that TagLib 1.13's property map leaves out: "----:com.apple.iTunes:NAME".
void add_freeform(Collector &collector, const MP4::Tag &tag, const PropertyMap &properties) {
    for (const String &name : properties.unsupportedData()) {
        if (!name.startsWith("----:"))
            continue;
        String key = name.substr(unsigned(name.rfind(":")) + 1).upper();
        if (key.isEmpty() || properties.contains(key))
            continue;
        for (const String &value : tag.item(name).toStringList())
            collector.add(utf8(key), value);
    }
}

struct Alias {
    const char *attribute, *key;
};

// What the property map has no name for, and attributes with the further values of the Content Description Object,
// which holds one of each.
constexpr Alias aliases[] = {
    {"TITLE", "TITLE"}, {"AUTHOR", "ARTIST"}, {"DESCRIPTION", "COMMENT"}, {"COPYRIGHT", "COPYRIGHT"},
    {"WM/ISCOMPILATION", "COMPILATION"},
};

void add_attributes(Collector &collector, const ASF::Tag &tag, const PropertyMap &properties) {
    for (const String &name : properties.unsupportedData()) {
        String key = name.upper();
        auto alias = std::find_if(
            std::begin(aliases), std::end(aliases), [&](const Alias &alias) { return key == alias.attribute; });
        if (alias != std::end(aliases))
            key = alias->key;
        // The rest of "WM/" is for players' own use.
        else if (key.isEmpty() || key.startsWith("WM/") || properties.contains(key))
            continue;
        // FFmpeg begins the attribute with the value that the Content Description Object has too.
        auto described = properties.find(key);
        bool is_first = true;
        for (const ASF::Attribute &attribute : tag.attribute(name)) {
            bool is_repeated = is_first && described != properties.end() && !described->second.isEmpty() &&
                               attribute.toString() == described->second.front();
            is_first = false;
            if (is_repeated)
                continue;
            if (attribute.type() == ASF::Attribute::UnicodeType)
                collector.add(utf8(key), attribute.toString());
            else if (attribute.type() == ASF::Attribute::BoolType && alias != std::end(aliases))
                collector.add(utf8(key), attribute.toBool() ? "1" : "0");
        }
    }
}

}  // namespace

std::string utf8(const String &text) {
    std::string result;
    result.reserve(text.size());
    for (auto unit = text.begin(); unit != text.end(); ++unit) {
        auto scalar = uint32_t(*unit);
        if (scalar >= 0xd800 && scalar < 0xdc00) {
            auto next = unit + 1;
            if (next != text.end() && uint32_t(*next) >= 0xdc00 && uint32_t(*next) < 0xe000) {
                scalar = 0x10000 + ((scalar - 0xd800) << 10) + (uint32_t(*next) - 0xdc00);
                ++unit;
            }
        }
        bool is_scalar = scalar < 0xd800 || (scalar >= 0xe000 && scalar < 0x110000);
        append(result, is_scalar ? scalar : 0xfffd);
    }
    return result;
}

std::vector<Tag> read_tags(Format format, File &file, DescriptorStream &stream) {
    auto *asf = format == Format::asf ? static_cast<ASF::File &>(file).tag() : nullptr;
    if (asf != nullptr)
        order_attributes(*asf, stream);
    PropertyMap properties = file.properties();
    Collector collector;
    for (const auto &[key, values] : properties) {
        std::string name = utf8(key);
        for (const String &value : values)
            collector.add(name, value);
    }
    auto *mp4 = format == Format::mp4 ? static_cast<MP4::File &>(file).tag() : nullptr;
    if (mp4 != nullptr)
        add_freeform(collector, *mp4, properties);
    if (asf != nullptr)
        add_attributes(collector, *asf, properties);
    return std::move(collector.tags);
}

}  // namespace ctaglib
