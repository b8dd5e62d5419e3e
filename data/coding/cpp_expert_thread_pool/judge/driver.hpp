// Calls of the thread pool: `run(threads, script)` gives one answer a line of the script, `load(threads, tasks, depth)` a sum,
// `kinds()` tries the kinds of tasks and results that the statement allows.
//
// Tasks wait at gates that the script opens, so that what the answers show does not depend on time. A line that does not come back within
// some seconds is answered by the failure `Stuck`; what belongs to that call is then left as it is.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "harness.hpp"
#include "src/thread_pool.hpp"

namespace driver {

constexpr auto patience = std::chrono::seconds(5);

struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    std::size_t arrived = 0;

    void pass() {
        std::unique_lock lock(mutex);
        ++arrived;
        changed.notify_all();
        changed.wait(lock, [this] { return open; });
    }

    void unlock_all() {
        const std::lock_guard lock(mutex);
        open = true;
        changed.notify_all();
    }

    void await(std::size_t count) {
        std::unique_lock lock(mutex);
        if (!changed.wait_for(lock, patience, [&] { return arrived >= count; })) throw Failure{"Stuck", "a task was not started"};
    }
};

// Does the work in a thread of its own and waits for it, but not for ever.
template <typename Work>
auto within_patience(Work work) -> decltype(work()) {
    using Result = decltype(work());
    auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
    auto future = task->get_future();
    std::thread([task] { (*task)(); }).detach();
    if (future.wait_for(patience) != std::future_status::ready) throw Failure{"Stuck", "a call does not come back"};
    return future.get();
}

// The answer of a line that may throw.
template <typename Work>
Value answer(Work work) {
    try {
        return work();
    } catch (const PoolClosed&) {
        return "! PoolClosed";
    } catch (const TaskDiscarded&) {
        return "! TaskDiscarded";
    } catch (const std::invalid_argument& error) {
        return "! invalid_argument";
    } catch (const std::logic_error& error) {
        return "! logic_error";
    } catch (const std::exception& error) {
        return std::string("! ") + error.what();
    } catch (int number) {
        return "! int " + std::to_string(number);
    }
}

struct Bench : std::enable_shared_from_this<Bench> {
    std::unique_ptr<ThreadPool> pool;
    std::mutex mutex;
    std::map<std::string, std::shared_ptr<Gate>> gates;
    std::map<std::string, std::future<std::int64_t>> futures;
    Value::List log;
    std::map<std::string, std::future<Value>> background;

    std::shared_ptr<Gate> gate(const std::string& name) {
        const std::lock_guard lock(mutex);
        auto& found = gates[name];
        if (!found) found = std::make_shared<Gate>();
        return found;
    }

    void note(Value value) {
        const std::lock_guard lock(mutex);
        log.push_back(std::move(value));
    }

    Value submit(const Value& line) {
        // ["submit", name, priority, action]
        auto self = shared_from_this();
        Value action = line.at(3);
        auto future = pool->submit([self, action] { return self->act(action); }, static_cast<int>(line.at(2).integer()));
        const std::lock_guard lock(mutex);
        futures[line.at(1).text()] = std::move(future);
        return nullptr;
    }

    Value map(const Value& items, const Value& action) {
        // The action of an item: its own, or [op, item] made of a word.
        auto self = shared_from_this();
        std::vector<std::int64_t> numbers;
        for (const Value& item : items.list()) numbers.push_back(item.integer());
        return pool->map(numbers, [self, action](const std::int64_t& number) { return self->act_on(action, number); });
    }

    std::int64_t act_on(const Value& action, std::int64_t number) {
        const std::string& word = action.at(0).text();
        if (word == "times") return number * action.at(1).integer();
        if (word == "log") {
            note(number);
            return number;
        }
        if (word == "throw_odd") {
            note(number);
            if (number % 2 != 0) throw std::runtime_error("odd " + std::to_string(number));
            return number;
        }
        if (word == "gate_first") {
            if (number == 0) gate(action.at(1).text())->pass();
            return number;
        }
        if (word == "worker") return pool->in_worker() ? 1 : 0;
        if (word == "nested") {
            // A map within the map, `depth` deep, over 0 .. number - 1.
            const std::int64_t depth = action.at(1).integer();
            if (depth == 0) return number;
            Value::List items;
            for (std::int64_t item = 0; item < number; ++item) items.push_back(item + 1);
            std::int64_t sum = 0;
            const Value inner = map(items, Value::List{"nested", depth - 1});
            for (const Value& part : inner.list()) sum += part.integer();
            return sum;
        }
        throw Failure::bad_call(word);
    }

    std::int64_t act(const Value& action) {
        const std::string& word = action.at(0).text();
        if (word == "return") return action.at(1).integer();
        if (word == "throw") throw std::runtime_error(action.at(1).text());
        if (word == "throw_int") throw static_cast<int>(action.at(1).integer());
        if (word == "gate") {
            gate(action.at(1).text())->pass();
            return 0;
        }
        if (word == "log") {
            note(action.at(1));
            return 0;
        }
        if (word == "worker") return pool->in_worker() ? 1 : 0;
        if (word == "submit") {
            submit(action);
            return 0;
        }
        if (word == "map") {
            std::int64_t sum = 0;
            const Value results = map(action.at(1), action.at(2));
            for (const Value& part : results.list()) sum += part.integer();
            return sum;
        }
        if (word == "wait_idle") {
            pool->wait_idle();
            return 0;
        }
        if (word == "shutdown") {
            pool->shutdown(Shutdown::Drain);
            return 0;
        }
        if (word == "all") {
            std::int64_t last = 0;
            for (std::size_t index = 1; index < action.list().size(); ++index) last = act(action.at(index));
            return last;
        }
        throw Failure::bad_call(word);
    }

    Value get(const std::string& name) {
        std::future<std::int64_t> future;
        {
            const std::lock_guard lock(mutex);
            future = std::move(futures[name]);
        }
        if (!future.valid()) throw Failure{"NoFuture", name};
        if (future.wait_for(patience) != std::future_status::ready) throw Failure{"Stuck", name + " has no result"};
        return answer([&]() -> Value { return future.get(); });
    }

    static Shutdown way(const std::string& word) { return word == "drain" ? Shutdown::Drain : Shutdown::Discard; }

    // Starts a line in a thread of its own.
    void start(const std::string& name, std::function<Value()> work) {
        std::packaged_task<Value()> task([work] { return answer(work); });
        background[name] = task.get_future();
        std::thread(std::move(task)).detach();
    }

    template <typename Test>
    static void until(Test test) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!test()) {
            if (std::chrono::steady_clock::now() > end) throw Failure{"Stuck", "what was awaited does not happen"};
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    Value line(const Value& line) {
        auto self = shared_from_this();
        const std::string& word = line.at(0).text();
        if (word == "submit") return answer([&] { return submit(line); });
        if (word == "open") return gate(line.at(1).text())->unlock_all(), nullptr;
        if (word == "await") return gate(line.at(1).text())->await(line.at(2).size()), nullptr;
        if (word == "get") return get(line.at(1).text());
        if (word == "queued") return pool->queued();
        if (word == "await_queued") return until([&] { return pool->queued() == line.at(1).size(); }), nullptr;
        if (word == "closed") return pool->closed();
        if (word == "await_closed") return until([&] { return pool->closed(); }), nullptr;
        if (word == "in_worker") return pool->in_worker();
        if (word == "map") return within_patience([self, line] { return answer([&] { return self->map(line.at(1), line.at(2)); }); });
        if (word == "idle") return within_patience([self] { return answer([&]() -> Value { return self->pool->wait_idle(), nullptr; }); });
        if (word == "shutdown") {
            const Shutdown how = way(line.at(1).text());
            return within_patience([self, how] { return answer([&]() -> Value { return self->pool->shutdown(how), nullptr; }); });
        }
        if (word == "destroy") return within_patience([self]() -> Value { return self->pool.reset(), nullptr; });
        if (word == "log") {
            const std::lock_guard lock(mutex);
            return std::exchange(log, {});
        }
        if (word == "start_shutdown") {
            const Shutdown how = way(line.at(2).text());
            return start(line.at(1).text(), [self, how]() -> Value { return self->pool->shutdown(how), nullptr; }), nullptr;
        }
        if (word == "start_map") return start(line.at(1).text(), [self, line] { return self->map(line.at(2), line.at(3)); }), nullptr;
        if (word == "start_idle") return start(line.at(1).text(), [self]() -> Value { return self->pool->wait_idle(), nullptr; }), nullptr;
        if (word == "is_done") return background.at(line.at(1).text()).wait_for(std::chrono::milliseconds(100)) == std::future_status::ready;
        if (word == "join") {
            auto& future = background.at(line.at(1).text());
            if (future.wait_for(patience) != std::future_status::ready) throw Failure{"Stuck", "a call does not come back"};
            return future.get();
        }
        throw Failure::bad_call("no line " + word);
    }
};

// Everything that is still there when a call is stuck stays there.
inline std::vector<std::shared_ptr<Bench>>& stuck() {
    static auto* benches = new std::vector<std::shared_ptr<Bench>>;
    return *benches;
}

inline Value run(std::size_t threads, const Value& script) {
    auto bench = std::make_shared<Bench>();
    bench->pool = std::make_unique<ThreadPool>(threads);
    Value::List answers;
    try {
        for (const Value& line : script.list()) answers.push_back(bench->line(line));
        for (auto& [name, gate] : bench->gates) gate->unlock_all();
        within_patience([bench] { bench->pool.reset(); });
    } catch (...) {
        stuck().push_back(bench);
        for (auto& [name, gate] : bench->gates) gate->unlock_all();
        throw;
    }
    return answers;
}

// Many small tasks from many threads at once, each of which submits another one, `depth` deep: how many were run?
inline Value load(std::size_t threads, std::int64_t tasks, std::int64_t depth) {
    struct Chain {
        ThreadPool& pool;
        std::atomic<std::int64_t>& ran;
        std::int64_t left;

        void operator()() {
            ++ran;
            if (left > 0) pool.submit(Chain{pool, ran, left - 1}, static_cast<int>(left % 3));
        }
    };
    return within_patience([=]() -> Value {
        std::atomic<std::int64_t> ran = 0;
        ThreadPool pool(threads);
        std::vector<std::thread> feeders;
        for (int feeder = 0; feeder < 4; ++feeder) {
            feeders.emplace_back([&] {
                for (std::int64_t task = 0; task < tasks; ++task) pool.submit(Chain{pool, ran, depth});
            });
        }
        for (std::thread& feeder : feeders) feeder.join();
        pool.wait_idle();
        const std::int64_t idle = ran;
        for (std::int64_t task = 0; task < tasks; ++task) pool.submit(Chain{pool, ran, depth});
        pool.shutdown(Shutdown::Drain);
        return Value::List{idle, ran.load()};
    });
}

struct Rigid {
    explicit Rigid(int number) : number(number) {}
    int number;
};

inline Value kinds() {
    return within_patience([]() -> Value {
        ThreadPool pool(2);
        auto owned = std::make_unique<int>(5);
        auto nothing = pool.submit([] {});
        auto unique = pool.submit([owned = std::move(owned)]() mutable { return std::move(owned); });
        auto rigid = pool.submit([] { return Rigid(7); }, -3);
        auto counting = pool.submit([count = 0]() mutable { return ++count; });
        const std::vector<std::string> words{"a", "bb", ""};
        const std::vector<bool> empties = pool.map(words, [](const std::string& word) { return word.empty(); });
        const auto rigids = pool.map(words, [](const std::string& word) { return Rigid(static_cast<int>(word.size())); });
        auto owners = pool.map(words, [](const std::string& word) { return std::make_unique<std::size_t>(word.size()); });
        const auto same = pool.map(words, [&words](const std::string& word) { return &word - words.data(); });
        nothing.get();
        return Value::List{*unique.get(), rigid.get().number, counting.get(), bool(empties[0]), bool(empties[2]), rigids[1].number, *owners[1], same};
    });
}

}  // namespace driver

Value call(const std::string& fn, const std::vector<Value>& args) {
    if (fn == "run") return driver::run(args.at(0).size(), args.at(1));
    if (fn == "load") return driver::load(args.at(0).size(), args.at(1).integer(), args.at(2).integer());
    if (fn == "kinds") return driver::kinds();
    throw Failure::bad_call("no function " + fn);
}
