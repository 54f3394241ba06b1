package event

import "sync"

// Company is who asks a store side by side, so that a store that writes several events in one request knows for whom it
// is worth waiting. It is safe for concurrent use.
type Company struct {
	mu       sync.Mutex
	size     int
	gathered Gathering
}

// Gathering is what a store keeps for a Company.
type Gathering interface {
	Left() // the company has become smaller
}

// NewCompany returns the company of so many, each of whom makes one call at a time.
func NewCompany(size int) *Company { return &Company{size: size} }

// Size is how many may call yet. A company that is nil is one caller alone.
func (c *Company) Size() int {
	if c == nil {
		return 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// Leave says that one of them makes no more calls.
func (c *Company) Leave() {
	c.mu.Lock()
	c.size--
	gathered := c.gathered
	c.mu.Unlock()
	if gathered != nil {
		gathered.Left()
	}
}

// Gather returns what the store keeps for the company, which it makes at the first call.
func (c *Company) Gather(begin func() Gathering) Gathering {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gathered == nil {
		c.gathered = begin()
	}
	return c.gathered
}
