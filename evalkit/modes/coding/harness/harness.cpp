// The part of a C++ program in a box that is not the candidate's: it reads calls, hands them to the task's driver and writes answers.
//
// `EVALKIT_PIPES="R,W"` names two inherited descriptors. One request line is read from R, one answer line is written to W, until R ends.
// Lines are values in prefix notation, one space between tokens:
// `n` null, `t` and `f` booleans, `i12` integer, `d1.5` float (also `nan`, `inf`, `-inf`), `sa%20b` percent-encoded UTF-8,
// `a2` a list and then its elements, `o1` an object and then key (an `s` token) and value in turn.
// Request: `call s<function> a<count> …`. Answer: `ok <value>` or `error s<kind> s<message>`.
//
// The expected values are not in this process: what the candidate may do to it only costs the candidate answers. An exception becomes an
// answer; a program that ends itself, before `main` or in a call, answers nothing more. `driver.hpp`, and with it the candidate's headers,
// is included last, so that no macro of theirs reaches the code of this file.

#include "harness.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <new>
#include <system_error>
#include <type_traits>

#include <fcntl.h>
#include <unistd.h>

namespace evalkit_box {

constexpr std::size_t message_bytes = 200;   // the longest message of an error
constexpr int first_descriptor = 200;        // the harness's descriptors are moved here, away from those a candidate opens or closes by habit

// Reads the tokens of one request line.
class Reader {
public:
    explicit Reader(std::string_view line) : rest_(line) {}

    std::string_view token() {
        if (ended_) throw Failure::bad_call("the line ends too early");
        const std::size_t space = rest_.find(' ');
        const std::string_view token = rest_.substr(0, space);
        ended_ = space == std::string_view::npos;
        if (!ended_) rest_.remove_prefix(space + 1);
        return token;
    }

    Value value() {
        const std::string_view word = token();
        if (word.empty()) throw Failure::bad_call("an empty token");
        const std::string_view rest = word.substr(1);
        switch (word.front()) {
            case 'n': return nullptr;
            case 't': return true;
            case 'f': return false;
            case 'i': return number<std::int64_t>(rest);
            case 'd': return number<double>(rest);
            case 's': return text(rest);
            case 'a': return list(number<std::size_t>(rest));
            case 'o': return object(number<std::size_t>(rest));
            default: throw Failure::bad_call("an unknown token");
        }
    }

    bool ended() const { return ended_; }

private:
    template <typename Number>
    static Number number(std::string_view digits) {
        Number parsed{};
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), parsed);
        if (error != std::errc{} || end != digits.data() + digits.size()) throw Failure::bad_call("not a number");
        return parsed;
    }

    static std::string text(std::string_view encoded) {
        std::string bytes;
        for (std::size_t at = 0; at < encoded.size(); ++at) {
            if (encoded[at] != '%') {
                bytes += encoded[at];
                continue;
            }
            unsigned byte = 0;
            const std::string_view digits = encoded.substr(at + 1, 2);
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
            if (error != std::errc{} || end != digits.data() + 2) throw Failure::bad_call("a bad escape");
            bytes += static_cast<char>(byte);
            at += 2;
        }
        return bytes;
    }

    Value list(std::size_t count) {
        Value::List items;
        for (std::size_t index = 0; index < count; ++index) items.push_back(value());
        return items;
    }

    Value object(std::size_t count) {
        Value::Object pairs;
        for (std::size_t index = 0; index < count; ++index) {
            std::string key = value().text();
            pairs.emplace_back(std::move(key), value());
        }
        return pairs;
    }

    std::string_view rest_;
    bool ended_ = false;
};

void encode_text(std::string_view text, std::string& line) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    line += " s";
    for (const unsigned char byte : text) {
        const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_' ||
                           byte == '.' || byte == '-';
        if (plain) {
            line += static_cast<char>(byte);
        } else {
            line += '%';
            line += digits[byte >> 4];
            line += digits[byte & 15];
        }
    }
}

// Appends the tokens of a value, a space before each.
struct Encoder {
    std::string& line;

    void operator()(std::nullptr_t) const { line += " n"; }
    void operator()(bool flag) const { line += flag ? " t" : " f"; }
    void operator()(std::int64_t number) const { line += " i" + std::to_string(number); }
    void operator()(double number) const {
        char digits[40];
        line += " d";
        if (std::isnan(number)) {
            line += "nan";
        } else if (std::isinf(number)) {
            line += number > 0 ? "inf" : "-inf";
        } else {
            line.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
        }
    }
    void operator()(const std::string& text) const { encode_text(text, line); }
    void operator()(const Value::List& items) const {
        line += " a" + std::to_string(items.size());
        for (const Value& item : items) std::visit(*this, item.data());
    }
    void operator()(const Value::Object& pairs) const {
        line += " o" + std::to_string(pairs.size());
        for (const auto& [key, item] : pairs) {
            encode_text(key, line);
            std::visit(*this, item.data());
        }
    }
};

// The kind of an exception: the name of the nearest standard class, without `std::`.
std::string kind_of(const std::exception& error) {
    const auto is = [&error]<typename Kind>(std::type_identity<Kind>) { return dynamic_cast<const Kind*>(&error) != nullptr; };
    if (is(std::type_identity<std::invalid_argument>{})) return "invalid_argument";
    if (is(std::type_identity<std::domain_error>{})) return "domain_error";
    if (is(std::type_identity<std::length_error>{})) return "length_error";
    if (is(std::type_identity<std::out_of_range>{})) return "out_of_range";
    if (is(std::type_identity<std::future_error>{})) return "future_error";
    if (is(std::type_identity<std::logic_error>{})) return "logic_error";
    if (is(std::type_identity<std::overflow_error>{})) return "overflow_error";
    if (is(std::type_identity<std::underflow_error>{})) return "underflow_error";
    if (is(std::type_identity<std::range_error>{})) return "range_error";
    if (is(std::type_identity<std::system_error>{})) return "system_error";
    if (is(std::type_identity<std::runtime_error>{})) return "runtime_error";
    if (is(std::type_identity<std::bad_alloc>{})) return "bad_alloc";
    return "exception";
}

std::string error_line(std::string_view kind, std::string_view message) {
    std::string line = "error";
    std::size_t length = std::min(message.size(), message_bytes);
    while (length > 0 && length < message.size() && (static_cast<unsigned char>(message[length]) & 0xC0) == 0x80) --length;
    encode_text(kind, line);
    encode_text(message.substr(0, length), line);
    return line + '\n';
}

Value make_call(std::string_view request) {
    Reader reader(request);
    if (reader.token() != "call") throw Failure::bad_call("not a call");
    const std::string name = reader.value().text();
    const Value args = reader.value();
    if (!reader.ended()) throw Failure::bad_call("a call has a name and a list of arguments");
    return call(name, args.list());
}

// The answer's line, with its end; an exception of the candidate is an answer too.
std::string answer_line(std::string_view request) {
    try {
        std::string line = "ok";
        std::visit(Encoder{line}, make_call(request).data());
        return line + '\n';
    } catch (const Failure& failure) {
        return error_line(failure.kind, failure.message);
    } catch (const std::exception& error) {
        const char* message = error.what();
        return error_line(kind_of(error), message == nullptr ? "" : message);
    } catch (...) {
        return error_line("unknown", "something that is no std::exception was thrown");
    }
}

// Moves an inherited descriptor to a high number that programs started from here do not inherit.
int take_descriptor(int inherited) {
    const int moved = fcntl(inherited, F_DUPFD, first_descriptor);
    const int descriptor = moved < 0 ? inherited : moved;
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    if (descriptor != inherited) close(inherited);
    return descriptor;
}

// Reads lines from a descriptor.
class Lines {
public:
    explicit Lines(int descriptor) : descriptor_(descriptor) {}

    // The next line without its end; false when there is none.
    bool next(std::string& line) {
        std::size_t searched = 0;
        while (true) {
            const std::size_t end = waiting_.find('\n', searched);
            if (end != std::string::npos) {
                line = waiting_.substr(0, end);
                waiting_.erase(0, end + 1);
                return true;
            }
            searched = waiting_.size();
            char block[65536];
            const ssize_t count = read(descriptor_, block, sizeof block);
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return false;
            waiting_.append(block, static_cast<std::size_t>(count));
        }
    }

private:
    int descriptor_;
    std::string waiting_;
};

bool write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

int run() {
    int requests = -1;
    int answers = -1;
    const char* pipes = std::getenv("EVALKIT_PIPES");
    if (pipes == nullptr || std::sscanf(pipes, "%d,%d", &requests, &answers) != 2) {
        std::fputs("EVALKIT_PIPES must name two descriptors\n", stderr);
        return 2;
    }
    unsetenv("EVALKIT_PIPES");
    requests = take_descriptor(requests);
    answers = take_descriptor(answers);
    Lines lines(requests);
    std::string request;
    while (lines.next(request)) {
        if (!write_all(answers, answer_line(request))) break;
    }
    return 0;
}

}  // namespace evalkit_box

int main() {
    const int code = evalkit_box::run();
    std::fflush(nullptr);
    std::_Exit(code);  // no destructor of the candidate's statics can hold the program up
}

#include "driver.hpp"
