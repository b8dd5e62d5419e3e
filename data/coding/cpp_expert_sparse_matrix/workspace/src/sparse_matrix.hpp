// A sparse matrix over any ring, whose cost depends on what it holds and not on how wide it is.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

template <typename T>
struct Triplet {
    std::uint64_t row;
    std::uint64_t column;
    T value;
};

// What T has: copies, T{} (zero), T{1} (one), a + b, a - b, a * b and a == b. Nothing else, and a * b need not be b * a.
template <typename T>
class SparseMatrix {
public:
    // A matrix of zeros.
    SparseMatrix(std::uint64_t rows, std::uint64_t columns) : rows_(rows), columns_(columns) {}

    // The sum of the triplets.
    static SparseMatrix from_triplets(std::uint64_t rows, std::uint64_t columns, const std::vector<Triplet<T>>& triplets) {
        SparseMatrix matrix(rows, columns);
        for (const Triplet<T>& triplet : triplets) matrix.set(triplet.row, triplet.column, triplet.value);
        return matrix;
    }

    static SparseMatrix identity(std::uint64_t size) {
        (void)size;
        throw std::logic_error("identity is unfinished");
    }

    std::uint64_t rows() const { return rows_; }
    std::uint64_t columns() const { return columns_; }

    // The number of entries that are not zero.
    std::uint64_t nonzeros() const { return entries_.size(); }

    T at(std::uint64_t row, std::uint64_t column) const {
        const auto found = entries_.find({row, column});
        return found == entries_.end() ? T{} : found->second;
    }

    void set(std::uint64_t row, std::uint64_t column, const T& value) { entries_.insert_or_assign({row, column}, value); }

    // The entries that are not zero, by row and then by column.
    std::vector<Triplet<T>> triplets() const {
        std::vector<Triplet<T>> all;
        for (const auto& [place, value] : entries_) all.push_back({place.first, place.second, value});
        return all;
    }

    // The entries of a row that are not zero, by column.
    std::vector<std::pair<std::uint64_t, T>> row(std::uint64_t row) const {
        (void)row;
        throw std::logic_error("row is unfinished");
    }

    SparseMatrix transposed() const { throw std::logic_error("transposed is unfinished"); }

    // Every entry x becomes factor * x.
    SparseMatrix scaled(const T& factor) const {
        (void)factor;
        throw std::logic_error("scaled is unfinished");
    }

    // Rows first_row .. end_row - 1, columns first_column .. end_column - 1.
    SparseMatrix block(std::uint64_t first_row, std::uint64_t end_row, std::uint64_t first_column, std::uint64_t end_column) const {
        (void)first_row, (void)end_row, (void)first_column, (void)end_column;
        throw std::logic_error("block is unfinished");
    }

    // The matrix times itself, `exponent` times.
    SparseMatrix power(std::uint64_t exponent) const {
        (void)exponent;
        throw std::logic_error("power is unfinished");
    }

    // The matrix times a column of numbers.
    std::vector<T> apply(const std::vector<T>& column) const {
        (void)column;
        throw std::logic_error("apply is unfinished");
    }

    // The Kronecker product.
    SparseMatrix kronecker(const SparseMatrix& other) const {
        (void)other;
        throw std::logic_error("kronecker is unfinished");
    }

    friend SparseMatrix operator+(const SparseMatrix& left, const SparseMatrix& right) {
        (void)left, (void)right;
        throw std::logic_error("+ is unfinished");
    }

    friend SparseMatrix operator-(const SparseMatrix& left, const SparseMatrix& right) {
        (void)left, (void)right;
        throw std::logic_error("- is unfinished");
    }

    friend SparseMatrix operator*(const SparseMatrix& left, const SparseMatrix& right) {
        (void)left, (void)right;
        throw std::logic_error("* is unfinished");
    }

    friend bool operator==(const SparseMatrix& left, const SparseMatrix& right) {
        (void)left, (void)right;
        throw std::logic_error("== is unfinished");
    }

private:
    std::uint64_t rows_;
    std::uint64_t columns_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, T> entries_;
};
