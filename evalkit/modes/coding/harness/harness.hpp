// What a C++ task's driver needs: the value on the wire, and the failure that is an answer.
//
// The driver (`driver.hpp`) defines
//     Value call(const std::string& fn, const std::vector<Value>& args);
// `harness.cpp` has the codec and the main loop. C++20, standard library only.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// An error that is the answer of a call: its kind, which is compared, and a message for people.
struct Failure {
    std::string kind;
    std::string message;

    // A call that the driver cannot make: the task's own mistake.
    static Failure bad_call(std::string message) { return Failure{"BadCall", std::move(message)}; }
};

// A value on the wire: what JSON can say, with integers and floats told apart. The readers throw Failure `BadCall` when it is another kind.
class Value {
public:
    using List = std::vector<Value>;
    using Object = std::vector<std::pair<std::string, Value>>;
    using Data = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, List, Object>;

    Value() : data_(nullptr) {}
    Value(std::nullptr_t) : data_(nullptr) {}
    template <std::same_as<bool> Flag>
    Value(Flag flag) : data_(flag) {}
    template <std::integral Number>
        requires(!std::same_as<Number, bool>)
    Value(Number number) : data_(static_cast<std::int64_t>(number)) {}
    template <std::floating_point Number>
    Value(Number number) : data_(static_cast<double>(number)) {}
    Value(const char* text) : data_(std::string(text)) {}
    Value(std::string_view text) : data_(std::string(text)) {}
    Value(std::string text) : data_(std::move(text)) {}
    Value(List items) : data_(std::move(items)) {}
    Value(Object pairs) : data_(std::move(pairs)) {}
    template <typename Item>
        requires(!std::same_as<Item, Value> && !std::same_as<Item, std::pair<std::string, Value>>)
    Value(const std::vector<Item>& items) : data_(List(items.begin(), items.end())) {}

    const Data& data() const { return data_; }

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
    bool boolean() const { return read<bool>("a boolean"); }
    std::int64_t integer() const { return read<std::int64_t>("an integer"); }
    const std::string& text() const { return read<std::string>("a string"); }
    const List& list() const { return read<List>("a list"); }
    const Object& object() const { return read<Object>("an object"); }

    // The float; an integer is taken as one.
    double number() const {
        if (const auto* whole = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*whole);
        return read<double>("a number");
    }

    // The integer as an index or a count.
    std::size_t size() const {
        const std::int64_t whole = integer();
        if (whole < 0) throw Failure::bad_call("a size is negative");
        return static_cast<std::size_t>(whole);
    }

    // The element of the list at this index.
    const Value& at(std::size_t index) const {
        const List& items = list();
        if (index >= items.size()) throw Failure::bad_call("no element " + std::to_string(index));
        return items[index];
    }

private:
    template <typename Kind>
    const Kind& read(const char* wanted) const {
        if (const auto* found = std::get_if<Kind>(&data_)) return *found;
        throw Failure::bad_call(std::string("not ") + wanted);
    }

    Data data_;
};

// The task's dispatch, defined in driver.hpp. What it throws becomes an error of the call.
Value call(const std::string& fn, const std::vector<Value>& args);
