package main

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in buckets. A bucket's width is 1/64 of its lower bound's power of two, so a quantile is
// off by less than 1.6 %. Counting takes some nanoseconds and no memory.
type histogram struct {
	buckets [64 * 40]uint64 // 2^40 ns are 18 minutes
	count   uint64
}

func (h *histogram) add(d time.Duration) {
	h.buckets[bucketOf(uint64(max(d, 0)))]++
	h.count++
}

func bucketOf(ns uint64) int {
	if ns < 64 {
		return int(ns)
	}
	shift := bits.Len64(ns) - 7 // keeps the leading 1 and the six bits after it
	return min((shift+1)*64+int(ns>>shift)-64, 64*40-1)
}

// upperBound is the largest duration in bucket i.
func upperBound(i int) time.Duration {
	if i < 64 {
		return time.Duration(i)
	}
	shift := i/64 - 1
	return time.Duration((uint64(i%64)+65)<<shift - 1)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
}

// quantile returns the duration that a share q of all durations did not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rank, seen := uint64(math.Ceil(q*float64(h.count))), uint64(0)
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= rank {
			return upperBound(i)
		}
	}
	return 0
}
