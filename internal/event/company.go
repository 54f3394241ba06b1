package event

import "sync"

// Company counts the callers that use a store at the same time. A store that writes several events in one request can
// thereby tell how many more callers are worth waiting for. It is safe for concurrent use.
type Company struct {
	mu       sync.Mutex
	size     int
	gathered Gathering
}

// Gathering is what a store keeps for a Company.
type Gathering interface {
	Left() // the company has become smaller
}

// NewCompany returns a company of size callers. Each makes one call at a time.
func NewCompany(size int) *Company { return &Company{size: size} }

// Size is the number of callers that may still call. A nil company is a single caller.
func (c *Company) Size() int {
	if c == nil {
		return 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// Leave says that one caller will make no more calls.
func (c *Company) Leave() {
	c.mu.Lock()
	c.size--
	gathered := c.gathered
	c.mu.Unlock()
	if gathered != nil {
		gathered.Left()
	}
}

// Gather returns what the store keeps for the company. The first call makes it.
func (c *Company) Gather(begin func() Gathering) Gathering {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gathered == nil {
		c.gathered = begin()
	}
	return c.gathered
}
