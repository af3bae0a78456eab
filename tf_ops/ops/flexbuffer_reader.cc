#include "ops/flexbuffer_reader.h"

#include <cstring>

#include "ops/error.h"

namespace kgn {
namespace {

// Types of the FlexBuffer format that we read.
enum FlexType {
  kInt = 1,
  kUInt = 2,
  kFloat = 3,
  kIndirectInt = 6,
  kIndirectUInt = 7,
  kIndirectFloat = 8,
  kMap = 9,
  kBool = 26,
};

// Bounds the work on a hostile file, whose entries may all point to one long key.
constexpr size_t kMaxEntries = 64;

[[noreturn]] void Damaged(const char* what) {
  throw OpError(std::string("expected options that are an intact FlexBuffer map. Received: ") +
                what);
}

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint64_t Unsigned(size_t position, size_t width) const {
    Check(position, width);
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= uint64_t{data_[position + i]} << (8 * i);
    return value;
  }

  int64_t Signed(size_t position, size_t width) const {
    const int shift = static_cast<int>(64 - 8 * width);
    return static_cast<int64_t>(Unsigned(position, width) << shift) >> shift;
  }

  double Real(size_t position, size_t width) const {
    const uint64_t bits = Unsigned(position, width);
    if (width == 8) {
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }
    if (width == 4) {
      const uint32_t half = static_cast<uint32_t>(bits);
      float value;
      std::memcpy(&value, &half, sizeof(value));
      return value;
    }
    Damaged("a float of fewer than 32 bits");
  }

  // Offsets point backwards from where they stand.
  size_t Follow(size_t position, size_t width) const {
    const uint64_t offset = Unsigned(position, width);
    if (offset > position) Damaged("an offset that leaves the buffer");
    return position - static_cast<size_t>(offset);
  }

  // The number of elements of the vector at `position`, stored right before it; each element takes
  // `element_size` bytes.
  size_t Length(size_t position, size_t width, size_t element_size) const {
    if (position < width) Damaged("a vector without length");
    const uint64_t length = Unsigned(position - width, width);
    if (position > size_ || length > (size_ - position) / element_size) {
      Damaged("a vector longer than the buffer");
    }
    return static_cast<size_t>(length);
  }

  std::string Key(size_t position) const {
    if (position >= size_) Damaged("a key outside the buffer");
    const void* end = std::memchr(data_ + position, 0, size_ - position);
    if (!end) Damaged("a key without end");
    return reinterpret_cast<const char*>(data_ + position);
  }

 private:
  void Check(size_t position, size_t width) const {
    if (position > size_ || width > size_ - position) Damaged("an offset that leaves the buffer");
  }

  const uint8_t* data_;
  size_t size_;
};

size_t CheckedWidth(uint64_t width) {
  if (width != 1 && width != 2 && width != 4 && width != 8) Damaged("an impossible width");
  return static_cast<size_t>(width);
}

void ReadValue(const Reader& reader, size_t position, size_t width, uint8_t packed_type,
               FlexEntry* entry) {
  int type = packed_type >> 2;
  if (type >= kIndirectInt && type <= kIndirectFloat) {
    position = reader.Follow(position, width);
    width = size_t{1} << (packed_type & 3);
    type -= kIndirectInt - kInt;
  }
  switch (type) {
    case kInt:
      entry->integer = reader.Signed(position, width);
      return;
    case kUInt:
    case kBool: {
      const uint64_t value = reader.Unsigned(position, width);
      if (value > INT64_MAX) throw OpError("option '" + entry->key + "': expected a smaller int");
      entry->integer = static_cast<int64_t>(value);
      return;
    }
    case kFloat:
      entry->is_float = true;
      entry->real = reader.Real(position, width);
      return;
    default:
      throw OpError("option '" + entry->key +
                    "': expected an int, float or bool. Received: FlexBuffer type " +
                    std::to_string(type));
  }
}

}  // namespace

std::vector<FlexEntry> ReadFlexMap(const uint8_t* data, size_t size) {
  if (data == nullptr || size < 3) Damaged("no options");
  const Reader reader(data, size);

  // From the end: byte width of the root, its packed type, the root itself.
  const size_t root_width = CheckedWidth(data[size - 1]);
  const uint8_t root_type = data[size - 2];
  if (root_type >> 2 != kMap) Damaged("a root that is no map");
  if (size < 2 + root_width) Damaged("a root that leaves the buffer");
  const size_t values = reader.Follow(size - 2 - root_width, root_width);
  const size_t width = size_t{1} << (root_type & 3);

  // Before the values: offset to the keys, their width, number of values. After them: their types.
  if (values < 3 * width) Damaged("a map without keys");
  const size_t length = reader.Length(values, width, width + 1);
  if (length > kMaxEntries) Damaged("more options than any op has");
  const size_t types = values + length * width;
  const size_t keys = reader.Follow(values - 3 * width, width);
  const size_t key_width = CheckedWidth(reader.Unsigned(values - 2 * width, width));
  if (reader.Length(keys, key_width, key_width) != length)
    Damaged("a map with more keys than values or fewer");

  std::vector<FlexEntry> entries(length);
  for (size_t i = 0; i < length; ++i) {
    entries[i].key = reader.Key(reader.Follow(keys + i * key_width, key_width));
    ReadValue(reader, values + i * width, width,
              static_cast<uint8_t>(reader.Unsigned(types + i, 1)), &entries[i]);
  }
  return entries;
}

}  // namespace kgn
