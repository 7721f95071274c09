"""How long a training step of RNN, LSTM and GRU takes on a CPU."""
# A recorded result, for times never repeat: its numbers lie in speed.json.

# %% race tags=["hidden"]
import statistics
import time

import torch
import torch.nn as nn

torch.set_num_threads(1)


def milliseconds(layer, x):
    begun = time.process_time()
    layer(x)[0].sum().backward()  # forward and backward
    return 1000 * (time.process_time() - begun)


def race(seed, rounds):
    """The least time of each layer; they take turns, so none gets a lull."""
    torch.manual_seed(seed)
    x = torch.randn(32, 100, 64)  # (B, T, I)
    layers = {
        "rnn": nn.RNN(64, 64, batch_first=True),
        "lstm": nn.LSTM(64, 64, batch_first=True),
        "gru": nn.GRU(64, 64, batch_first=True),
    }
    turns = [{name: milliseconds(layer, x) for name, layer in layers.items()}
             for _ in range(rounds)]
    return {name: min(turn[name] for turn in turns) for name in layers}


def measure(seeds=5, rounds=100):
    races = [race(seed, rounds) for seed in range(seeds)]
    least = {name: [times[name] for times in races] for name in races[0]}
    median = {name: statistics.median(least[name]) for name in least}
    return {
        "median": median,
        "low": {name: min(least[name]) for name in least},
        "high": {name: max(least[name]) for name in least},
        "ratio": {name: median[name] / median["rnn"] for name in least},
        "seeds": seeds,
        "rounds": rounds,
    }


def report(title, times):
    print(title, *(f"{name} {ms:.1f} ms" for name, ms in times.items()))


onednn = measure()  # as torch comes: on most CPUs oneDNN runs the LSTM
with torch.backends.mkldnn.flags(enabled=False, allow_tf32=None):
    plain = measure()  # torch's own loops for all three
report("with oneDNN:", onednn["median"])
report("without:", plain["median"])
