"""Spoken digits: the voices, the frames, the listeners and what the record says of them."""

import math
import re
from importlib.metadata import version
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest
import torch
import torch.nn as nn
from studies import ROOT, finish, load

from hooks.snippet import read_snippet

CELLS = ("rnn", "lstm", "lstm_1", "gru", "bigru")
KINDS = (*CELLS, "gru_shuffled", "pool")


@pytest.fixture(scope="module")
def audio():
    return load("applications/audio/digits")


# The voices


@pytest.mark.claim("audio_repeats")
def test_the_same_voice_says_the_same_again_bit_for_bit(audio):
    voices = audio["voices"][20:24]
    clips = audio["speak"](voices)
    assert clips == audio["speak"](voices) and len(clips) == 40
    assert len(set(clips)) == 40  # ten digits of four voices, all different


@pytest.mark.claim("audio_unknown")
def test_an_unknown_accent_is_refused_and_an_unknown_voice_is_not(audio):
    with pytest.raises(AssertionError):
        audio["speak"]([("linda", "en-XX", 50, 175)])
    nobody, nothing = audio["speak"]([("nobody", "en", 50, 175)]), audio["speak"]([("", "en", 50, 175)])
    assert nobody == nothing  # so look for yourself:
    there = {path.name for path in Path(espeakng_loader.get_data_path(), "voices", "!v").iterdir()}
    assert {voice[0] for voice in audio["voices"]} <= there


def test_a_pitch_and_a_pace_reach_the_synthesiser(audio):
    slow, fast = (audio["speak"]([("m2", "en", 50, pace)])[0] for pace in (140, 200))
    low, high = (audio["resample"](audio["speak"]([("adam", "en", p, 175)])[0]).double() for p in (30, 70))
    assert len(slow) > 1.2 * len(fast)
    assert pitch(high) > 1.1 * pitch(low)


def pitch(samples):
    """Hz, of the strongest repetition between 60 and 400 Hz."""
    again = torch.fft.irfft(torch.fft.rfft(samples, 2 * len(samples)).abs() ** 2)
    return 8000 / (20 + again[20:133].argmax().item())


def test_the_page_names_the_version_that_speaks():
    page = (ROOT / "docs/applications/audio.md").read_text()
    assert f"`espeakng-loader=={version('espeakng-loader')}`" in page


def family(name):
    """Voices of one name are kin, but for m1 to m8 and f1 to f5."""
    kin = {"anikaRobot": "anika", "whisperf": "whisper"}
    return name if re.fullmatch(r"[mf]\d", name) else kin.get(name, name.rstrip("0123456789"))


def same_length(frames):
    """Every word stretched to 30 frames, all ten of a voice in a row: (voices, numbers)."""
    scale = torch.cat(frames).std(0)
    even = [nn.functional.interpolate((one / scale).T[None], 30, mode="linear").flatten() for one in frames]
    return torch.stack(even).view(len(frames) // 10, -1)


@pytest.mark.claim("audio_apart")
def test_no_voice_and_no_kin_is_in_two_parts(audio):
    parts = {part: set(map(family, names.split())) for part, names in audio["PARTS"].items()}
    assert parts["train"].isdisjoint(parts["validation"] | parts["test"])
    assert parts["validation"].isdisjoint(parts["test"])
    names = [voice[0] for voice in audio["voices"]]
    assert len(names) == len(set(names)) == 85
    spoken = {part: {names[r // 10] for r in rows.tolist()} for part, rows in audio["rows"].items()}
    assert spoken == {part: set(text.split()) for part, text in audio["PARTS"].items()}
    # nor twins of another name: all with one accent, pitch and pace, stretched to 30 frames
    neutral = audio["speak"]([(name, "en-US", 50, 175) for name in names])
    frames = [audio["log_mel"](audio["resample"](clip)) for clip in neutral]
    voices = same_length(frames)
    gap = torch.cdist(voices, voices) / voices.shape[1] ** 0.5
    part = torch.tensor([[name in text.split() for text in audio["PARTS"].values()] for name in names])
    apart = part.float() @ part.float().T == 0
    assert gap[apart].min() > 0.25 and gap[~apart & (gap > 0.01)].median() > 0.5


@pytest.mark.claim("audio_left_out")
def test_who_is_left_out(audio):
    names = [voice[0] for voice in audio["voices"]]
    left = sorted({path.name for path in Path(espeakng_loader.get_data_path(), "voices", "!v").iterdir()} - set(names))
    neutral = [(name, "en-US", 50, 175) for name in (*names, *left)]
    one, two = audio["speak"](neutral), audio["speak"](neutral)
    unsteady = {neutral[k // 10][0] for k in range(len(one)) if one[k] != two[k]}
    spaced = {name for name in left if " " in name}
    assert len(unsteady) == 2 and len(spaced) == 1 and unsteady | spaced < set(left)
    voices = same_length([audio["log_mel"](audio["resample"](clip)) for clip in one])
    gap = torch.cdist(voices, voices).fill_diagonal_(torch.inf) / voices.shape[1] ** 0.5
    twins = [k for k, voice in enumerate(neutral) if voice[0] in set(left) - unsteady - spaced]
    assert gap[twins].amin(1).max() < 0.25  # no two voices that serve in two parts are so near, see above


# What the model hears


@pytest.mark.parametrize("hertz, kept", [(440, 1), (2500, 1), (3900, 1), (4300, 0), (8000, 0)])
def test_resampling_keeps_what_fits_and_drops_the_rest(audio, hertz, kept):
    n = 22050 // 2  # half a second
    tone = np.sin(2 * np.pi * hertz * np.arange(n) / 22050) * np.hanning(n) * 20000
    made = audio["resample"](tone.astype("<i2").tobytes()).double().numpy()
    assert len(made) == 4000
    wanted = kept * np.sin(2 * np.pi * hertz * np.arange(4000) / 8000) * np.hanning(n)[np.arange(4000) * n // 4000]
    assert np.abs(made - 20000 * wanted).max() < 30


def test_the_frames_are_those_of_a_computation_by_the_formula(audio):
    """No FFT, no torch: a sum of sines for every frame and frequency, triangles by their corners."""
    clip = audio["clips"][417].numpy() / 2**15
    t = np.arange(200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * t / 200)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(129), t) / 256)
    top = 2595 * math.log10(1 + 4000 / 700)
    corners = [700 * (10 ** (top * k / 25 / 2595) - 1) for k in range(26)]
    expected = []
    for begin in range(0, len(clip) - 199, 80):
        power = np.abs(waves @ (window * clip[begin : begin + 200])) ** 2
        bands = np.zeros(24)
        for band in range(24):
            low, peak, high = corners[band : band + 3]
            for bin, energy in enumerate(power):
                hertz = bin * 8000 / 256
                if low < hertz <= peak:
                    bands[band] += energy * (hertz - low) / (peak - low)
                elif peak < hertz < high:
                    bands[band] += energy * (high - hertz) / (high - peak)
        expected.append(np.log(bands + 1e-4))
    found = audio["log_mel"](audio["clips"][417]).numpy()
    assert found.shape == np.shape(expected) and np.abs(found - expected).max() < 2e-3


def test_the_scale_comes_from_the_voices_to_train_on_alone(audio):
    known = np.concatenate([frames.numpy() for frames in audio["heard"][: 49 * 10]])
    for clip in (3, 600, 849):
        n = audio["lengths"][clip]
        wanted = (audio["heard"][clip].numpy() - known.mean(0)) / known.std(0)
        assert np.abs(audio["x"][clip, :n].numpy() - wanted).max() < 1e-2
        assert (audio["x"][clip, n:] == 0).all()


# The listeners


def untrained(audio, kind):
    torch.manual_seed(3)
    return audio["build"](kind).requires_grad_(False)


@pytest.mark.claim("audio_equal_size")
def test_all_listeners_are_of_one_size_within_two_percent(audio):
    sizes = [sum(weight.numel() for weight in audio["build"](kind).parameters()) for kind in KINDS]
    assert max(sizes) / sizes[KINDS.index("gru")] < 1.02 and min(sizes) / sizes[KINDS.index("gru")] > 0.98


@pytest.mark.parametrize("kind", [*CELLS, "pool"])
def test_padding_changes_no_answer(audio, kind):
    net, some = untrained(audio, kind), [5, 411, 672, 760]
    x, lengths = audio["x"][some], audio["lengths"][some]
    logits = net(x, lengths)
    longer = torch.cat([x, torch.zeros(4, 9, 24)], dim=1)
    for k, n in enumerate(lengths):
        longer[k, n:] = 7.0  # not even what the padding holds
    assert (net(longer, lengths) - logits).abs().max() < 1e-5
    for k, n in enumerate(lengths):  # one clip alone, nothing padded, nothing packed
        if kind == "pool":
            alone = net.out(net.look(x[k, :n]).mean(dim=0))
        else:
            states = net.layer(x[k : k + 1, :n])[0][0]  # (T, D * H)
            H = net.layer.hidden_size
            alone = net.out(torch.cat([states[-1, :H], states[0, H:]]))
        assert (alone - logits[k]).abs().max() < 1e-5


@pytest.mark.claim("audio_pool_blind")
def test_the_pool_is_blind_to_order_and_the_cells_are_not(audio):
    some = [5, 411, 672, 760]
    x, lengths = audio["x"][some], audio["lengths"][some]
    for how in ("reversed", "shuffled"):
        torch.manual_seed(5)
        moved = audio["rearrange"](x, lengths, how)
        for kind in CELLS:
            net = untrained(audio, kind)
            assert (net(moved, lengths) - net(x, lengths)).abs().max() > 1e-3
        net = untrained(audio, "pool")
        assert (net(moved, lengths) - net(x, lengths)).abs().max() < 1e-5
    texts = audio["runs"]["pool"]
    for how in ("reversed", "shuffled"):
        pairs = zip("".join(texts["whole"]), "".join(texts[how]), strict=True)
        assert sum(a != b for a, b in pairs) <= 2  # of 1200: sums in another order


def test_rearranging_moves_frames_and_nothing_else(audio):
    x, lengths = audio["x"][[5, 411]], audio["lengths"][[5, 411]]
    back, mixed = (audio["rearrange"](x, lengths, how) for how in ("reversed", "shuffled"))
    for k, n in enumerate(lengths):
        assert torch.equal(back[k, :n], x[k, :n].flip(0)) and torch.equal(back[k, n:], x[k, n:])
        order = [torch.nonzero((x[k, :n] == frame).all(1)).item() for frame in mixed[k, :n]]
        assert sorted(order) == list(range(n)) != order and torch.equal(mixed[k, n:], x[k, n:])


def test_the_listener_of_each_kind_holds_the_layer_of_its_name(audio):
    layers = {"rnn": nn.RNN, "lstm": nn.LSTM, "lstm_1": nn.LSTM, "gru": nn.GRU, "bigru": nn.GRU}
    for kind, layer in layers.items():
        net = audio["build"](kind)
        assert type(net.layer) is layer and net.layer.bidirectional == (kind == "bigru")
    net = audio["build"]("lstm_1").layer
    assert (net.bias_ih_l0 + net.bias_hh_l0)[44:88].eq(1).all()
    assert not (net.bias_ih_l0 + net.bias_hh_l0)[:44].eq(1).any()


# The record


def right(texts):
    """The share of right answers of each seed; clips are voice by voice, zero to nine."""
    return [sum(a == b for a, b in zip(text, "0123456789" * 24, strict=True)) / 240 for text in texts]


def mean(numbers):
    return sum(numbers) / len(numbers)


@pytest.fixture(scope="module")
def shown(audio, tmp_path_factory):
    """What the page quotes: the names after the record's summary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("sounds"))
        return finish("applications/audio/digits", dict(audio))


@pytest.mark.claim("audio_gru", "audio_bigru", "audio_lstm", "audio_lstm_1", "audio_rnn", "audio_pool")
@pytest.mark.claim("audio_gru_shuffled", "audio_dose_score")
def test_the_table_says_what_the_record_holds(audio, shown):
    for kind, one in audio["runs"].items():
        seeds = right(one["whole"])
        assert len(seeds) == 5 and set(map(len, one["whole"])) == {240}
        found = shown["accuracy"][kind]
        assert found["mean"] == pytest.approx(mean(seeds))
        assert found["low"] < found["mean"] < found["high"]
        # the interval is at least that of the voices alone, by the t-formula
        voices = [mean([mean([t[10 * v + d] == str(d) for d in range(10)]) for t in one["whole"]]) for v in range(24)]
        half = 2.07 * np.std(voices, ddof=1) / 24**0.5
        assert 0.75 * half < (found["high"] - found["low"]) / 2 < 1.5 * half
        for how in ("reversed", "shuffled"):
            assert shown["other"][how][kind]["mean"] == pytest.approx(mean(right(one[how])))
        if kind != "gru_shuffled":  # whose frames are shuffled anew
            assert shown["tenths"][kind]["10"] == pytest.approx(mean(seeds))
        assert float(max(one["validation"], key=one["validation"].get)) == one["rate"] == shown["rate"][kind]


@pytest.mark.claim("audio_nearest", "audio_nearest_set", "audio_duration", "audio_order_there", "audio_stretch")
def test_the_rules_without_a_net_by_another_way(audio, shown):
    """In numpy, clip by clip."""
    heard = [audio["x"][k, :n].numpy() for k, n in enumerate(audio["lengths"])]
    places = [np.linspace(0, 1, 2 * 20 + 1)[1::2] for _ in heard]
    even = []
    for frames, place in zip(heard, places, strict=True):
        at = np.clip(place * len(frames) - 0.5, 0, len(frames) - 1)
        even.append(np.stack([np.interp(at, np.arange(len(frames)), band) for band in frames.T]))
    like = {"nearest": even, "duration": [np.array([len(clip)]) for clip in audio["clips"]]}
    found = {}
    for kind, of in like.items():
        train = np.stack(of[:490])
        answers = [((train - one) ** 2).reshape(490, -1).sum(1).argmin() % 10 for one in of[610:]]
        found[kind] = mean([a == k % 10 for k, a in enumerate(answers)])
        assert abs(found[kind] - shown["accuracy"][kind]["mean"]) < 0.01
    assert found["nearest"] > shown["accuracy"]["nearest_set"]["mean"] + 0.05
    for length in (10, 15, 30, 40):  # the 20 frames are no lucky number
        even = [nn.functional.interpolate(torch.tensor(one).T[None], length, mode="linear").flatten() for one in heard]
        like = torch.cdist(torch.stack(even[610:]), torch.stack(even[:490])).argmin(1)
        assert abs((like % 10 == torch.arange(240) % 10).float().mean() - found["nearest"]) < 0.02
    lines = {kind: shown["shares"][kind][0] for kind in ("nearest", "nearest_set")}
    worse = lines["nearest"] - lines["nearest_set"]  # of each voice
    assert worse.mean() > 2.07 * worse.std(ddof=1) / 24**0.5
    for clip in (622, 777):  # and without order: pair by pair, with a loop
        pairs = [np.linalg.norm(heard[clip][:, None] - other[None], axis=2) for other in heard[:490:7]]
        unlike = [pair.min(0).mean() + pair.min(1).mean() for pair in pairs]
        assert np.abs(shown["unordered"](clip)[::7].numpy() - unlike).max() < 1e-3


def ahead(audio, kind, than, how="whole"):
    """By how much one kind is better, voice by voice: mean, and half a 95 % t-interval."""
    voices = []
    for v in range(24):
        one, two = ([[t[10 * v + d] == str(d) for d in range(10)] for t in audio["runs"][k][how]] for k in (kind, than))
        voices.append(np.mean(one) - np.mean(two))
    return np.mean(voices), 2.07 * np.std(voices, ddof=1) / 24**0.5


@pytest.mark.claim("audio_dose_order", "audio_dose_nearest", "audio_backwards")
@pytest.mark.claim("audio_order_worth", "audio_pool_rival", "audio_rnn_unfit", "audio_lstm_gru")
@pytest.mark.claim("audio_both_ways", "audio_nearest_wins", "audio_harder", "audio_edges")
def test_what_the_verdicts_rest_on(audio, shown):
    runs, score = audio["runs"], {kind: mean(right(one["whole"])) for kind, one in audio["runs"].items()}
    # order, learnt but not needed
    backwards = {kind: mean(right(runs[kind]["reversed"])) for kind in KINDS}
    assert shown["lost"] == pytest.approx(max(backwards[kind] for kind in CELLS)) and shown["lost"] < 0.3
    assert backwards["pool"] == pytest.approx(score["pool"], abs=0.005)
    assert backwards["gru_shuffled"] == pytest.approx(score["gru_shuffled"], abs=0.02)
    lead, half = ahead(audio, "gru", "gru_shuffled")
    assert abs(lead) < half < 0.06 and shown["ahead"]["gru_shuffled"]["low"] < 0 < lead < 0.02
    # who is ahead of whom, by the t-formula and as the page has it
    for kind, sign in {"pool": 1, "lstm": 1, "lstm_1": 0, "bigru": -1, "rnn": 1}.items():
        lead, half = ahead(audio, "gru", kind)
        of = shown["ahead"][kind]
        assert of["mean"] == pytest.approx(lead) and abs(of["high"] - of["low"] - 2 * half) < half
        assert np.sign(of["low"]) == np.sign(of["high"]) == sign if sign else of["low"] < 0 < of["high"]
    assert score["rnn"] < score["pool"] and ahead(audio, "pool", "rnn")[0] > ahead(audio, "pool", "rnn")[1]
    best = max(score, key=score.get)
    assert best == "bigru" and shown["lead"]["low"] > 0
    assert shown["accuracy"]["nearest"]["mean"] - score[best] == pytest.approx(shown["lead"]["mean"])
    # the voices taught, and those to choose by
    fits = {kind: mean([mean([a == b for a, b in zip(text, "0123456789" * 49, strict=True)]) for text in one["train"]])
            for kind, one in runs.items()}  # fmt: skip
    assert shown["fit"] == pytest.approx(fits)
    assert fits["rnn"] < 0.92 and min(fits[kind] for kind in KINDS if kind != "rnn") > 0.99
    assert shown["seen"] == max(runs["gru"]["validation"].values()) > score["gru"] + 0.05
    for one in runs.values():
        assert min(audio["RATES"]) < one["rate"] < max(audio["RATES"])
        assert list(map(float, one["validation"])) == list(audio["RATES"])


@pytest.mark.claim("audio_gru", "audio_pool", "audio_rnn", "audio_backwards", "audio_rnn_unfit")
def test_fresh_seeds_do_as_the_record_says(audio):
    """One seed more of three listeners, at the recorded rates."""
    found, fit = {}, {}
    for kind in ("gru", "pool", "rnn"):
        net = audio["trained"](kind, audio["runs"][kind]["rate"], 11)
        one = audio["probe"](net, 11, ())
        recorded = right(audio["runs"][kind]["whole"])
        assert abs(right([one["whole"]])[0] - mean(recorded)) < 0.06
        found[kind], fit[kind] = one, mean([a == b for a, b in zip(one["train"], "0123456789" * 49, strict=True)])
    assert right([found["gru"]["whole"]])[0] > right([found["pool"]["whole"]])[0] > right([found["rnn"]["whole"]])[0]
    assert max(right([found[kind]["reversed"]])[0] for kind in ("gru", "rnn")) < 0.35
    assert fit["rnn"] < 0.95 and min(fit["gru"], fit["pool"]) > 0.98


@pytest.mark.claim("audio_odd", "audio_missed")
def test_whose_voice_is_misheard(audio, shown):
    names = audio["PARTS"]["test"].split()
    voices = {name: mean([text[10 * v + d] == str(d) for text in audio["runs"]["gru"]["whole"] for d in range(10)])
              for v, name in enumerate(names)}  # fmt: skip
    odd = [name for name, share in voices.items() if share < 0.5]
    assert odd == ["whisper", "whisperf", "zac"] == shown["NAMED"].split(", ")
    assert shown["easy"] == sum(share > 0.9 for share in voices.values())
    assert shown["odd"]["gru"] == pytest.approx(mean([voices[name] for name in odd]))
    assert shown["rest"]["gru"] == pytest.approx(mean([voices[name] for name in names if name not in odd]))
    for group, gap in (("odd", 0.3), ("rest", 0.03)):
        assert shown[group]["nearest"] > shown[group]["gru"] + gap
    # two whisper, a voice without a pitch; the third is higher than nearly all it was taught on
    where = {voice[0]: 10 * k for k, voice in enumerate(audio["voices"])}
    pitches = {name: np.median([pitch(audio["clips"][k + d].double()) for d in range(10)]) for name, k in where.items()}
    taught = [pitches[name] for name in audio["PARTS"]["train"].split()]
    assert pitches["zac"] > np.quantile(taught, 0.9)
    for name in (voice[0] for voice in audio["voices"]):  # a whisper is nearly all breath, by its settings
        text = Path(espeakng_loader.get_data_path(), "voices", "!v", name).read_text(errors="replace")
        voicing = int((re.findall(r"^voicing +(\d+)", text, re.M) or [100])[0])
        assert (voicing < 25) == (name in ("whisper", "whisperf"))
    # the clip to be heard
    k = 10 * names.index(shown["missed"]["voice"]) + audio["WORDS"].index(shown["missed"]["said"])
    heard = [audio["WORDS"][int(text[k])] for text in audio["runs"]["gru"]["whole"]]
    assert shown["missed"]["said"] not in heard and heard[0] == shown["missed"]["heard"]["0"]


# While a word unfolds


@pytest.fixture(scope="module")
def unfold(audio):
    """The names of unfold.py before it trains, and two nets of other seeds than the page's."""
    cells = {cell.name: cell for cell in read_snippet(ROOT, "snippets/applications/audio/unfold.py").code}
    names = {}
    for name in ("voices", "speak", "resample", "features", "listen", "train", "early", "states"):
        exec(cells[name].source, names)
    names["nets"] = []
    for seed in (21, 22):
        torch.manual_seed(seed)
        net = names["Early"](nn.GRU(24, 52, batch_first=True))
        names["train"](net, rate=0.01, epochs=20)
        names["nets"].append(net.eval().requires_grad_(False))
    return names


def test_both_files_make_the_same_sounds_with_the_same_code():
    one, two = (read_snippet(ROOT, f"snippets/applications/audio/{name}.py") for name in ("digits", "unfold"))
    assert [(c.name, c.source) for c in one.code][:6] == [(c.name, c.source) for c in two.code][:6]


@pytest.mark.claim("audio_cut", "audio_any_time")
def test_halfway_a_net_knows_what_it_was_asked_for(audio, shown, unfold):
    runs, r = audio["runs"], audio["rows"]["test"]
    half = {kind: mean(right([cuts[4] for cuts in runs[kind]["tenths"]])) for kind in KINDS}
    assert shown["tenths"]["gru"]["5"] == pytest.approx(half["gru"])
    assert max(half[kind] for kind in ("rnn", "lstm", "lstm_1", "gru")) < 0.4 < 0.55 < half["pool"]
    for net in unfold["nets"]:
        cut = unfold["lengths"][r].mul(5).add(9) // 10
        said = net(unfold["x"][r], cut).argmax(1)
        assert (said == unfold["digits"][r]).float().mean() > half["gru"] + 0.35


def test_the_state_after_a_frame_is_the_answer_to_a_clip_that_stops_there(unfold):
    net, clip = unfold["nets"][0], 777
    found = unfold["states"](net, clip)
    for t in (1, 9, int(unfold["lengths"][clip])):
        alone = net(unfold["x"][clip : clip + 1, :t], torch.tensor([t])).softmax(1)[0]
        assert (found[t - 1] - alone).abs().max() < 1e-5


@pytest.mark.claim("audio_settled")
def test_seven_is_settled_before_six(unfold):
    first = 10 * [voice[0] for voice in unfold["voices"]].index("linda")
    for net in unfold["nets"]:
        settled = {}
        for digit in (6, 7):
            p = unfold["states"](net, first + digit)
            wrong = (p.argmax(1) != digit).nonzero()
            settled[digit] = 25 + 10 * (int(wrong[-1]) + 1 if len(wrong) else 0)
            assert p[2:6, 6:8].sum(1).min() > 0.6  # in the hiss: six or seven
        assert settled[7] < 200 and settled[6] < 400
