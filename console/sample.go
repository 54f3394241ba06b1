package console

import "hash/maphash"

// A stream tells a page at most so many steps each tick: more can't be read, and would cost the page its frames.
const maxPerTick = 20

// maxTroubles bounds the failures that are told beside them.
const maxTroubles = 60

// maxFollowed bounds the events whose further steps are told whatever the sampling says.
const maxFollowed = 500

var seed = maphash.MakeSeed()

// sampler chooses what a page is told. It chooses events, not steps, so that a row that was begun is also ended;
// trouble goes before all else.
type sampler struct {
	followed map[uint64]bool
}

// choose returns those of steps that the page is told, in their order.
func (s *sampler) choose(steps []Step) []Step {
	if s.followed == nil {
		s.followed = map[uint64]bool{}
	}
	mask, chosen := uint64(0), steps[:0:0]
	for uint64(len(steps)) > maxPerTick*(mask+1) {
		mask = mask<<1 | 1
	}
	troubles := 0
	for i := range steps {
		step := &steps[i]
		key := identityHash(step)
		isChosen := s.followed[key] || key&mask == 0
		if !isChosen && step.isTrouble() && troubles < maxTroubles {
			troubles++
			isChosen = true
		}
		if !isChosen {
			continue
		}
		chosen = append(chosen, *step)
		switch {
		case step.isEnd():
			delete(s.followed, key)
		case len(s.followed) < maxFollowed:
			s.followed[key] = true
		}
	}
	return chosen
}

func identityHash(s *Step) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteString(s.Source)
	h.WriteByte(0)
	h.WriteString(s.ID)
	return h.Sum64()
}
