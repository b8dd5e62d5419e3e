// Calls of the sparse matrix: `run(ring, script)` gives one answer a line of the script, `load(size)` a checksum.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness.hpp"
#include "src/sparse_matrix.hpp"

namespace driver {

// Whole numbers modulo M, with nothing but what the statement promises.
template <std::int64_t M>
struct Modulo {
    std::int64_t number = 0;

    friend Modulo operator+(Modulo a, Modulo b) { return {(a.number + b.number) % M}; }
    friend Modulo operator-(Modulo a, Modulo b) { return {(a.number - b.number + M) % M}; }
    friend Modulo operator*(Modulo a, Modulo b) { return {a.number * b.number % M}; }
    friend bool operator==(Modulo a, Modulo b) { return a.number == b.number; }
};

// Two by two whole numbers, by rows: a ring in which a * b need not be b * a.
struct Square {
    std::int64_t a = 0, b = 0, c = 0, d = 0;

    Square() = default;
    explicit Square(std::int64_t one) : a(one), d(one) {}
    Square(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) : a(a), b(b), c(c), d(d) {}

    friend Square operator+(const Square& x, const Square& y) { return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d}; }
    friend Square operator-(const Square& x, const Square& y) { return {x.a - y.a, x.b - y.b, x.c - y.c, x.d - y.d}; }
    friend Square operator*(const Square& x, const Square& y) {
        return {x.a * y.a + x.b * y.c, x.a * y.b + x.b * y.d, x.c * y.a + x.d * y.c, x.c * y.b + x.d * y.d};
    }
    friend bool operator==(const Square& x, const Square& y) { return x.a == y.a && x.b == y.b && x.c == y.c && x.d == y.d; }
};

inline void read(const Value& value, std::int64_t& number) { number = value.integer(); }
inline void read(const Value& value, double& number) { number = value.number(); }
template <std::int64_t M>
void read(const Value& value, Modulo<M>& number) { number.number = value.integer(); }
inline void read(const Value& value, Square& number) {
    number = Square(value.at(0).integer(), value.at(1).integer(), value.at(2).integer(), value.at(3).integer());
}

inline Value show(std::int64_t number) { return number; }
inline Value show(double number) { return number; }
template <std::int64_t M>
Value show(Modulo<M> number) { return number.number; }
inline Value show(const Square& number) { return Value::List{number.a, number.b, number.c, number.d}; }

template <typename T>
T read_as(const Value& value) {
    T number{};
    read(value, number);
    return number;
}

template <typename T>
class Bench {
public:
    Value run(const Value& script) {
        Value::List answers;
        for (const Value& line : script.list()) answers.push_back(answer(line));
        return answers;
    }

private:
    using Matrix = SparseMatrix<T>;

    const Matrix& matrix(const Value& name) const { return matrices_.at(name.text()); }

    void keep(const Value& name, Matrix matrix) { matrices_.insert_or_assign(name.text(), std::move(matrix)); }

    Value answer(const Value& line) {
        try {
            return step(line);
        } catch (const std::out_of_range&) {
            return "! out_of_range";
        } catch (const std::invalid_argument&) {
            return "! invalid_argument";
        } catch (const std::length_error&) {
            return "! length_error";
        }
    }

    static Value rows_of(const Matrix& matrix) {
        Value::List rows;
        for (const auto& triplet : matrix.triplets()) rows.push_back(Value::List{triplet.row, triplet.column, show(triplet.value)});
        return Value::List{matrix.rows(), matrix.columns(), matrix.nonzeros(), rows};
    }

    Value step(const Value& line) {
        const std::string& word = line.at(0).text();
        const auto size = [&line](std::size_t index) -> std::uint64_t { return line.at(index).size(); };
        if (word == "triplets") {
            std::vector<Triplet<T>> triplets;
            for (const Value& row : line.at(4).list()) triplets.push_back({row.at(0).size(), row.at(1).size(), read_as<T>(row.at(2))});
            return keep(line.at(1), Matrix::from_triplets(size(2), size(3), triplets)), nullptr;
        }
        if (word == "zeros") return keep(line.at(1), Matrix(size(2), size(3))), nullptr;
        if (word == "identity") return keep(line.at(1), Matrix::identity(size(2))), nullptr;
        if (word == "show") return rows_of(matrix(line.at(1)));
        if (word == "at") return show(matrix(line.at(1)).at(size(2), size(3)));
        if (word == "set") return matrices_.at(line.at(1).text()).set(size(2), size(3), read_as<T>(line.at(4))), nullptr;
        if (word == "row") {
            Value::List row;
            for (const auto& [column, value] : matrix(line.at(1)).row(size(2))) row.push_back(Value::List{column, show(value)});
            return row;
        }
        if (word == "apply") {
            std::vector<T> column;
            for (const Value& value : line.at(2).list()) column.push_back(read_as<T>(value));
            Value::List result;
            for (const T& value : matrix(line.at(1)).apply(column)) result.push_back(show(value));
            return result;
        }
        if (word == "equal") return matrix(line.at(1)) == matrix(line.at(2));
        // The others make a new matrix of the first name.
        const Matrix& first = matrix(line.at(2));
        if (word == "add") return keep(line.at(1), first + matrix(line.at(3))), nullptr;
        if (word == "sub") return keep(line.at(1), first - matrix(line.at(3))), nullptr;
        if (word == "mul") return keep(line.at(1), first * matrix(line.at(3))), nullptr;
        if (word == "kronecker") return keep(line.at(1), first.kronecker(matrix(line.at(3)))), nullptr;
        if (word == "transpose") return keep(line.at(1), first.transposed()), nullptr;
        if (word == "scale") return keep(line.at(1), first.scaled(read_as<T>(line.at(3)))), nullptr;
        if (word == "power") return keep(line.at(1), first.power(size(3))), nullptr;
        if (word == "block") return keep(line.at(1), first.block(size(3), size(4), size(5), size(6))), nullptr;
        throw Failure::bad_call("no line " + word);
    }

    std::map<std::string, Matrix> matrices_;
};

// A band of `size` rows far apart from each other, squared and added to its transpose: entries and a checksum.
inline Value load(std::uint64_t size) {
    using Number = Modulo<1'000'000'007>;
    constexpr std::uint64_t apart = 1'000'003;
    std::vector<Triplet<Number>> triplets;
    for (std::uint64_t index = 0; index < size; ++index) {
        for (std::uint64_t step = 0; step < 3 && index + step < size; ++step) {
            triplets.push_back({index * apart, (index + step) * apart, {static_cast<std::int64_t>(index + 2 * step + 1)}});
        }
    }
    const auto band = SparseMatrix<Number>::from_triplets(size * apart, size * apart, triplets);
    const auto result = band * band + band.transposed();
    Number sum;
    for (const auto& triplet : result.triplets()) {
        const auto place = static_cast<std::int64_t>((triplet.row / apart * 7 + triplet.column / apart * 13 + 1) % 1'000'003);
        sum = sum + triplet.value * Number{place};
    }
    return Value::List{result.nonzeros(), show(sum)};
}

}  // namespace driver

Value call(const std::string& fn, const std::vector<Value>& args) {
    if (fn == "load") return driver::load(args.at(0).size());
    if (fn != "run") throw Failure::bad_call("no function " + fn);
    const std::string& ring = args.at(0).text();
    const Value& script = args.at(1);
    if (ring == "int") return driver::Bench<std::int64_t>().run(script);
    if (ring == "double") return driver::Bench<double>().run(script);
    if (ring == "mod6") return driver::Bench<driver::Modulo<6>>().run(script);
    if (ring == "prime") return driver::Bench<driver::Modulo<1'000'000'007>>().run(script);
    if (ring == "square") return driver::Bench<driver::Square>().run(script);
    throw Failure::bad_call("no ring " + ring);
}
