// A TagLib stream over a borrowed descriptor.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <taglib/tiostream.h>

#include "include/CTagLib.h"

namespace ctaglib {

// Reads with pread(2) through a few windows, since TagLib reads in small pieces, back and forth between head and tail.
// Read only. Past the end, and after an error, reads come short.
class DescriptorStream : public TagLib::IOStream {
  public:
    // Without `present` all of the file is there; it must outlive the stream.
    DescriptorStream(int descriptor, const ctaglib_range *present, size_t present_count);

    TagLib::FileName name() const override { return ""; }
    TagLib::ByteVector readBlock(unsigned long length) override;
    void writeBlock(const TagLib::ByteVector &) override {}
    void insert(const TagLib::ByteVector &, unsigned long, unsigned long) override {}
    void removeBlock(unsigned long, unsigned long) override {}
    bool readOnly() const override { return true; }
    bool isOpen() const override { return size_ >= 0; }
    void seek(long offset, Position from) override;
    long tell() const override { return static_cast<long>(position_); }
    long length() override { return size_ < 0 ? 0 : static_cast<long>(size_); }
    void truncate(long) override {}

    int64_t size() const { return size_ < 0 ? 0 : size_; }
    // The first error of pread(2) or lseek(2); 0 when there was none.
    int error() const { return error_; }

    // What was wanted and is not there; reads come short from then on.
    ctaglib_range need() const { return need_; }

    // Copies at most `count` bytes at `offset`; the number copied.
    size_t read_at(int64_t offset, void *target, size_t count);
    // All `count` bytes, or false.
    bool read_all(int64_t offset, void *target, size_t count) { return read_at(offset, target, count) == count; }

  private:
    static constexpr size_t window_size = 16384;

    struct Window {
        int64_t start = -1;
        size_t count = 0;
        uint64_t used = 0;
        std::vector<uint8_t> bytes;
    };

    size_t read_direct(int64_t offset, uint8_t *target, size_t count);
    const Window &window_at(int64_t start);

    // How many of `count` bytes at `offset` are there.
    size_t present_at(int64_t offset, size_t count) const;

    int descriptor_;
    const ctaglib_range *present_;
    size_t present_count_;
    ctaglib_range need_ = {0, 0};
    int64_t size_;
    int64_t position_ = 0;
    int error_ = 0;
    uint64_t clock_ = 0;
    std::array<Window, 3> windows_;
};

// A file without its audio: for readers of tags that would search the audio for them.
class AudiolessStream : public TagLib::IOStream {
  public:
    // `stream` must outlive it; the audio lies within the file.
    AudiolessStream(DescriptorStream &stream, int64_t audio_start, int64_t audio_end)
        : stream_(stream), start_(audio_start), hidden_(audio_end - audio_start) {}

    TagLib::FileName name() const override { return ""; }
    TagLib::ByteVector readBlock(unsigned long length) override;
    void writeBlock(const TagLib::ByteVector &) override {}
    void insert(const TagLib::ByteVector &, unsigned long, unsigned long) override {}
    void removeBlock(unsigned long, unsigned long) override {}
    bool readOnly() const override { return true; }
    bool isOpen() const override { return stream_.isOpen(); }
    void seek(long offset, Position from) override;
    long tell() const override { return static_cast<long>(position_); }
    long length() override { return static_cast<long>(stream_.size() - hidden_); }
    void truncate(long) override {}

  private:
    DescriptorStream &stream_;
    int64_t start_, hidden_;
    int64_t position_ = 0;
};

}  // namespace ctaglib
