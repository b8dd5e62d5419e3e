#include "thread_pool.hpp"

ThreadPool::ThreadPool(std::size_t threads) {
    (void)threads;
    throw std::logic_error("the pool is unfinished");
}

ThreadPool::~ThreadPool() {}

void ThreadPool::wait_idle() {}

void ThreadPool::shutdown(Shutdown how) { (void)how; }

bool ThreadPool::closed() const { return false; }

std::size_t ThreadPool::queued() const { return 0; }

bool ThreadPool::in_worker() const { return false; }
