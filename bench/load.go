package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// crowd is a number of connections to one server.
type crowd []*connection

func connect(addr string, r *request, n int) (crowd, error) {
	c := make(crowd, 0, n)
	for i := range n {
		conn, err := dial(addr, r, i)
		if err != nil {
			c.close()
			return nil, err
		}
		c = append(c, conn)
	}
	return c, nil
}

func (c crowd) close() {
	for _, conn := range c {
		conn.conn.Close()
	}
}

// load is the result of a crowd: the answered requests, and how long each took.
type load struct {
	histogram
	took time.Duration
}

// closedLoop lets each connection send its next request after the answer to the previous one.
func (c crowd) closedLoop(ctx context.Context, d time.Duration) (load, error) {
	end := time.Now().Add(d)
	return c.each(ctx, end.Add(10*time.Second), func(conn *connection, h *histogram) error {
		begin := time.Now()
		for begin.Before(end) && ctx.Err() == nil {
			if err := conn.roundTrip(); err != nil {
				return err
			}
			now := time.Now()
			h.add(now.Sub(begin))
			begin = now
		}
		return nil
	})
}

// openLoop sends rate requests per second over any free connection, whatever the server does. A request's time counts
// from when it was due, not from when a connection was free, so that a stall counts for all requests that wait.
func (c crowd) openLoop(ctx context.Context, rate int, d time.Duration) (load, error) {
	total := int(float64(rate) * d.Seconds())
	due := make(chan time.Time, total)
	go func() {
		defer close(due)
		start, gap := time.Now(), time.Second/time.Duration(rate)
		for i := 0; i < total && ctx.Err() == nil; {
			next := start.Add(time.Duration(i) * gap)
			if wait := time.Until(next); wait > 0 {
				sleep(wait)
				continue
			}
			due <- next
			i++
		}
	}()
	return c.each(ctx, time.Now().Add(d+10*time.Second), func(conn *connection, h *histogram) error {
		for at := range due {
			if err := conn.roundTrip(); err != nil {
				return err
			}
			h.add(time.Since(at))
		}
		return nil
	})
}

// paced lets each connection send rate requests per second, in turns. As in openLoop, a request's time counts from
// when it was due. Go's timers are up to a millisecond late, so connections whose times are measured wake early and
// sleep for the rest. Connections that only make load don't, because that would be most of their work.
func (c crowd) paced(ctx context.Context, rate int, d time.Duration, exact bool) (load, error) {
	start, gap := time.Now(), time.Second/time.Duration(rate)
	var begun atomic.Int64
	early := time.Duration(0)
	if exact {
		early = 2 * time.Millisecond
	}
	return c.each(ctx, start.Add(d+10*time.Second), func(conn *connection, h *histogram) error {
		due := start.Add(gap * time.Duration(begun.Add(1)) / time.Duration(len(c)))
		for ; due.Before(start.Add(d)); due = due.Add(gap) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Until(due) - early):
			}
			if early > 0 {
				sleep(time.Until(due))
			}
			if err := conn.roundTrip(); err != nil {
				return err
			}
			h.add(time.Since(due))
		}
		return nil
	})
}

// each runs work for all connections at the same time, at most until the deadline.
func (c crowd) each(ctx context.Context, deadline time.Time, work func(*connection, *histogram) error) (load, error) {
	var wait sync.WaitGroup
	histograms, failures := make([]histogram, len(c)), make([]error, len(c))
	start := time.Now()
	for i, conn := range c {
		if err := conn.conn.SetDeadline(deadline); err != nil {
			return load{}, fmt.Errorf("set deadline: %w", err)
		}
		wait.Go(func() { failures[i] = work(conn, &histograms[i]) })
	}
	wait.Wait()
	l := load{took: time.Since(start)}
	for i := range histograms {
		l.merge(&histograms[i])
	}
	for _, err := range append(failures, ctx.Err()) {
		if err != nil {
			return l, err // the first is enough: the others are the same
		}
	}
	return l, nil
}
