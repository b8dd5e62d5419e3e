// A pool of threads with priorities, ordered maps that may be nested, and two ways to end.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

// The pool takes no more tasks.
struct PoolClosed : std::runtime_error {
    PoolClosed() : std::runtime_error("the pool is closed") {}
};

// The pool was shut down before the task was started.
struct TaskDiscarded : std::runtime_error {
    TaskDiscarded() : std::runtime_error("the task was discarded") {}
};

enum class Shutdown {
    Drain,    // what is queued is still run
    Discard,  // what is queued is never run
};

class ThreadPool {
public:
    explicit ThreadPool(std::size_t threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    // Queues a task; the future has its result or its exception.
    template <typename Task>
    auto submit(Task task, int priority = 0) -> std::future<std::invoke_result_t<Task&>> {
        (void)task;
        (void)priority;
        throw std::logic_error("submit is unfinished");
    }

    // Runs `function` on every item; gives the results in the order of the items.
    template <typename Item, typename Function>
    auto map(const std::vector<Item>& items, Function function) -> std::vector<std::invoke_result_t<Function&, const Item&>> {
        (void)items;
        (void)function;
        throw std::logic_error("map is unfinished");
    }

    // Waits until nothing is queued and nothing is running.
    void wait_idle();

    // Ends the pool; comes back when its threads are gone.
    void shutdown(Shutdown how);

    // Has a shutdown begun?
    bool closed() const;

    // The number of tasks that were not started yet.
    std::size_t queued() const;

    // Is the calling thread one of this pool's?
    bool in_worker() const;
};
