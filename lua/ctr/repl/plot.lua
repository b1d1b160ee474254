return {names={"cpu","disk","memory","network","processes"}}
