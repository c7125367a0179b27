#include "report.h"

#include <algorithm>
#include <set>

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
void add_freeform(Collector &collector, const MP4::Tag *tag, const PropertyMap &known) {
    if (tag == nullptr)
        return;
    for (const auto &[name, item] : tag->itemMap()) {
        if (!name.startsWith("----:"))
            continue;
        int colon = name.rfind(":");
        String key = name.substr(unsigned(colon) + 1).upper();
        if (key.isEmpty() || known.contains(key))
            continue;
        for (const String &value : item.toStringList())
            collector.add(utf8(key), value);
    }
}

void add_attributes(Collector &collector, const ASF::Tag *tag, const std::set<std::string> &known) {
    if (tag == nullptr)
        return;
    for (const auto &[name, attributes] : const_cast<ASF::Tag *>(tag)->attributeListMap()) {
        String key = name.upper();
        // What begins with "WM/" and matters has a key of its own in the property map.
        if (key.isEmpty() || key.startsWith("WM/") || key.startsWith("MUSICBRAINZ/") || known.count(utf8(key)) > 0)
            continue;
        for (const ASF::Attribute &attribute : attributes) {
            if (attribute.type() == ASF::Attribute::UnicodeType)
                collector.add(utf8(key), attribute.toString());
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

std::vector<Tag> read_tags(Format format, File &file) {
    PropertyMap properties = file.properties();
    Collector collector;
    std::set<std::string> keys;
    for (const auto &[key, values] : properties) {
        std::string name = utf8(key);
        for (const String &value : values)
            collector.add(name, value);
        keys.insert(std::move(name));
    }
    if (format == Format::mp4)
        add_freeform(collector, static_cast<MP4::File &>(file).tag(), properties);
    if (format == Format::asf)
        add_attributes(collector, static_cast<ASF::File &>(file).tag(), keys);
    return std::move(collector.tags);
}

}  // namespace ctaglib
